// Reproducible randomness: a fixed seed for each test, so that a failure comes back.
#pragma once

#include <cstdint>
#include <random>
#include <string>

namespace hyperion::test {

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}

  // Uniform in [least, most].
  uint64_t between(uint64_t least, uint64_t most) {
    return std::uniform_int_distribution<uint64_t>{least, most}(engine_);
  }
  bool one_in(uint64_t n) { return between(1, n) == 1; }

 private:
  std::mt19937_64 engine_;
};

// Bytes that tell where they stand: a shift, a swap or a repetition by less than 2^32 bytes shows.
inline std::string pattern(size_t size, uint64_t offset = 0) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) {
    const uint64_t at = offset + i;
    const uint64_t word = (at / 8) * 0x9e3779b97f4a7c15U;
    bytes[i] = static_cast<char>(word >> (at % 8 * 8));
  }
  return bytes;
}

}  // namespace hyperion::test
