// How far a run of ordinary bytes goes: the inner loop of the parser. With 16-byte vectors where the compiler's
// baseline has them (x86-64, aarch64); the scalar path is always built and tested against the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/ascii.hpp"

// HYPERION_SCALAR: leave the vectors out (docs/decisions/0003-simd-in-the-parser.md).
#if defined(__SSE2__) && !defined(HYPERION_SCALAR)
#define HYPERION_SCAN_SSE2
#include <emmintrin.h>
#elif defined(__aarch64__) && defined(__ARM_NEON) && !defined(HYPERION_SCALAR)
#define HYPERION_SCAN_NEON
#include <arm_neon.h>
#endif

namespace hyperion::http1 {

#if defined(HYPERION_SCAN_SSE2)
inline constexpr std::string_view kScanner = "SSE2";
#elif defined(HYPERION_SCAN_NEON)
inline constexpr std::string_view kScanner = "NEON";
#else
inline constexpr std::string_view kScanner = "scalar";
#endif

// First byte in [from, to) that may not stand in a field value, or `to`.
inline const char* scan_field_value_scalar(const char* from, const char* to) noexcept {
  while (from < to && base::is_field_char(*from)) ++from;
  return from;
}

inline const char* scan_field_value(const char* from, const char* to) noexcept {
#if defined(HYPERION_SCAN_SSE2)
  // Signed comparison after flipping the top bit orders bytes as unsigned ones: below 0x20, except HTAB, or DEL.
  const __m128i flip = _mm_set1_epi8(static_cast<char>(0x80));
  const __m128i space = _mm_set1_epi8(static_cast<char>(0x20 ^ 0x80));
  const __m128i tab = _mm_set1_epi8('\t');
  const __m128i del = _mm_set1_epi8(0x7f);
  while (to - from >= 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    const __m128i control = _mm_cmplt_epi8(_mm_xor_si128(bytes, flip), space);
    const __m128i bad = _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(bytes, tab), control), _mm_cmpeq_epi8(bytes, del));
    if (const auto mask = static_cast<unsigned>(_mm_movemask_epi8(bad)); mask != 0) return from + __builtin_ctz(mask);
    from += 16;
  }
#elif defined(HYPERION_SCAN_NEON)
  while (to - from >= 16) {
    const uint8x16_t bytes = vld1q_u8(reinterpret_cast<const uint8_t*>(from));
    const uint8x16_t control = vbicq_u8(vcltq_u8(bytes, vdupq_n_u8(0x20)), vceqq_u8(bytes, vdupq_n_u8('\t')));
    const uint8x16_t bad = vorrq_u8(control, vceqq_u8(bytes, vdupq_n_u8(0x7f)));
    const uint64_t mask = vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(bad), 4)), 0);
    if (mask != 0) return from + (__builtin_ctzll(mask) >> 2);
    from += 16;
  }
#endif
  return scan_field_value_scalar(from, to);
}

}  // namespace hyperion::http1
