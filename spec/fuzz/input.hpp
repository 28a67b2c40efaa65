// What a fuzz target makes of the fuzzer's bytes: small choices from the front, and pieces of the rest. Seeds are
// written in the same layout (seeds/write_seeds.cpp).
//
//   [choices: 1 byte each] [count of cuts] [cut: distance from the one before, 1 byte each] [the peer's bytes]
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace hyperion::fuzz {

class Input {
 public:
  Input(const uint8_t* data, size_t size) noexcept : rest_(reinterpret_cast<const char*>(data), size) {}

  // 0 when nothing is left.
  uint8_t byte() noexcept {
    if (rest_.empty()) return 0;
    const auto value = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  // Uniform enough in [0, below).
  uint8_t choice(uint8_t below) noexcept { return static_cast<uint8_t>(byte() % below); }
  bool flag() noexcept { return (byte() & 1) != 0; }
  std::string_view bytes(size_t size) noexcept {
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  // Some bytes, at most 255.
  std::string_view text() noexcept { return bytes(byte()); }
  bool empty() const noexcept { return rest_.empty(); }
  std::string_view rest() const noexcept { return rest_; }

  // Where to cut the rest; call it last.
  std::vector<size_t> cuts() {
    std::vector<size_t> places;
    size_t at = 0;
    for (size_t count = byte(); count > 0; --count) {
      at += byte();
      places.push_back(at);
    }
    while (!places.empty() && places.back() > rest_.size()) places.pop_back();
    return places;
  }

 private:
  std::string_view rest_;
};

// Calls `take` with every piece of `bytes` between cuts (ascending).
template <class Take>
void in_pieces(std::string_view bytes, const std::vector<size_t>& cuts, Take&& take) {
  size_t from = 0;
  for (const size_t cut : cuts) {
    take(bytes.substr(from, cut - from));
    from = cut;
  }
  take(bytes.substr(from));
}

inline void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "not so: %s\n", what);
  std::abort();
}

}  // namespace hyperion::fuzz
