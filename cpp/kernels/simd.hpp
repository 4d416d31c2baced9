// Vectors of doubles as wide as the instruction set has them, and exp and log1p on them.
// No header of the standard library that holds templates may be used by kernels: their code would be compiled for one
// instruction set and picked by the linker for all (type traits hold none).
#pragma once

#include <type_traits>

#ifdef _OPENMP
#include <omp.h>
#endif
#if defined(__SSE4_1__)
#include <immintrin.h>
#endif

#include "kernels.hpp"

namespace logloss::LOGLOSS_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int vector_bytes = 64;
#elif defined(__AVX__)
constexpr int vector_bytes = 32;
#else
constexpr int vector_bytes = 16;
#endif
constexpr int W = vector_bytes / 8;

typedef double V __attribute__((vector_size(vector_bytes)));
typedef std::int64_t VI __attribute__((vector_size(vector_bytes)));
typedef std::uint64_t VU __attribute__((vector_size(vector_bytes)));

#define INLINE static inline __attribute__((always_inline))
#define INLINE_MEMBER inline __attribute__((always_inline))

template <class T>
struct Wide {  // W values of type T as they lie in memory, aligned as T is
    typedef T type __attribute__((vector_size(W * sizeof(T)), aligned(alignof(T)), may_alias));
};

// W small integers, widened by intrinsics, as compilers convert such short vectors one value at a time. AVX-512 goes by
// int64, which it converts in one step (int32 takes a shuffle more).
#if defined(__AVX512DQ__)
typedef VI Widened;
#else
typedef std::int32_t Widened __attribute__((vector_size(W * 4)));
#endif

template <class T>
INLINE Widened widen(const T* p) {
#if defined(__SSE4_1__)
    constexpr int bytes = W * int(sizeof(T));
    __m128i raw = _mm_setzero_si128();
    __builtin_memcpy(&raw, p, bytes < 16 ? bytes : 16);
#if defined(__AVX512DQ__)
    __m512i wide;
    if constexpr (std::is_same_v<T, std::int8_t>) wide = _mm512_maskz_cvtepi8_epi64(0xff, raw);
    else if constexpr (std::is_same_v<T, std::uint8_t>) wide = _mm512_maskz_cvtepu8_epi64(0xff, raw);
    else if constexpr (std::is_same_v<T, std::uint16_t>) wide = _mm512_maskz_cvtepu16_epi64(0xff, raw);
    else wide = _mm512_maskz_cvtepi16_epi64(0xff, raw);
#else
    __m128i wide;
    if constexpr (std::is_same_v<T, std::int8_t>) wide = _mm_cvtepi8_epi32(raw);
    else if constexpr (std::is_same_v<T, std::uint8_t>) wide = _mm_cvtepu8_epi32(raw);
    else if constexpr (std::is_same_v<T, std::uint16_t>) wide = _mm_cvtepu16_epi32(raw);
    else wide = _mm_cvtepi16_epi32(raw);
#endif
    Widened widened;
    __builtin_memcpy(&widened, &wide, sizeof(Widened));
    return widened;
#else
    return __builtin_convertvector(*reinterpret_cast<const typename Wide<T>::type*>(p), Widened);
#endif
}

template <class T>
INLINE V load(const T* p) {
    if constexpr (std::is_integral_v<T> && sizeof(T) <= 2)
        return __builtin_convertvector(widen(p), V);
    else if constexpr (std::is_same_v<T, double>)
        return reinterpret_cast<V>(*reinterpret_cast<const typename Wide<T>::type*>(p));
    else
        return __builtin_convertvector(*reinterpret_cast<const typename Wide<T>::type*>(p), V);
}

INLINE void store(double* p, V v) { *reinterpret_cast<Wide<double>::type*>(p) = v; }
INLINE V splat(double x) { return x - V{}; }
INLINE V bits(VI x) { return reinterpret_cast<V>(x); }
INLINE VI bits(V x) { return reinterpret_cast<VI>(x); }
INLINE V absolute(V x) { return bits(bits(x) & 0x7fffffffffffffff); }

template <int N = W>
INLINE double sum(V v) {
    if constexpr (N == 8)
        return ((v[N - 8] + v[N - 4]) + (v[N - 6] + v[N - 2])) + ((v[N - 7] + v[N - 3]) + (v[N - 5] + v[N - 1]));
    else if constexpr (N == 4)
        return (v[N - 4] + v[N - 2]) + (v[N - 3] + v[N - 1]);
    else
        return v[0] + v[1];
}

INLINE V square_root(V v) {
#if defined(__AVX512F__)
    const __m512d root = _mm512_maskz_sqrt_pd(0xff, reinterpret_cast<__m512d>(v));
#elif defined(__AVX__)
    const __m256d root = _mm256_sqrt_pd(reinterpret_cast<__m256d>(v));
#elif defined(__SSE4_1__)
    const __m128d root = _mm_sqrt_pd(reinterpret_cast<__m128d>(v));
#else
    const V root{__builtin_sqrt(v[0]), __builtin_sqrt(v[1])};
#endif
    return reinterpret_cast<V>(root);
}

#if defined(__clang__)
#define LOGLOSS_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define LOGLOSS_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, VI{__VA_ARGS__})
#endif
#if defined(__AVX512F__)
INLINE V zip_low(V a, V b) { return LOGLOSS_SHUFFLE(a, b, 0, 8, 1, 9, 2, 10, 3, 11); }
INLINE V zip_high(V a, V b) { return LOGLOSS_SHUFFLE(a, b, 4, 12, 5, 13, 6, 14, 7, 15); }
#elif defined(__AVX__)
INLINE V zip_low(V a, V b) { return LOGLOSS_SHUFFLE(a, b, 0, 4, 1, 5); }
INLINE V zip_high(V a, V b) { return LOGLOSS_SHUFFLE(a, b, 2, 6, 3, 7); }
#else
INLINE V zip_low(V a, V b) { return LOGLOSS_SHUFFLE(a, b, 0, 2); }
INLINE V zip_high(V a, V b) { return LOGLOSS_SHUFFLE(a, b, 1, 3); }
#endif

// A square of W vectors: the first half zipped with the second, log2 W times
INLINE void transpose(V (&square)[W]) {
    for (int round = 1; round < W; round *= 2) {
        V zipped[W];
        for (int k = 0; k < W / 2; k++) {
            zipped[2 * k] = zip_low(square[k], square[k + W / 2]);
            zipped[2 * k + 1] = zip_high(square[k], square[k + W / 2]);
        }
        for (int k = 0; k < W; k++) square[k] = zipped[k];
    }
}

// f of a constant C = n, 1 <= n <= most
template <int most, class F>
INLINE void with_count(Index n, F&& f) {
    if constexpr (most > 0) {
        if (n == most) return f(std::integral_constant<int, most>());
        with_count<most - 1>(n, f);
    }
}

// e^x for x <= 0, subnormal results included; x = n ln 2 + r, |r| <= ln 2 / 2, Taylor to r^13 (error 4e-18).
INLINE V exp_nonpositive(V x) {
    x = x < -746.0 ? splat(-746.0) : x;
    const V shifted = x * 1.4426950408889634 + 0x1.8p52;
    const V n = shifted - 0x1.8p52;
    V r = x - n * 0x1.62e42fefa0000p-1;
    r = r - n * 0x1.cf79abc9e3b39p-40;
    V p = splat(1.0 / 6227020800.0);
    p = p * r + 1.0 / 479001600.0;
    p = p * r + 1.0 / 39916800.0;
    p = p * r + 1.0 / 3628800.0;
    p = p * r + 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
    p = p * r + 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    p = p * (r * r) + r + 1.0;
#if defined(__AVX512F__)
    V scaled;  // by 2^n
    const __m512d scale = _mm512_maskz_scalef_pd(0xff, (__m512d)p, (__m512d)n);
    __builtin_memcpy(&scaled, &scale, sizeof(V));
    return scaled;
#else
    // 2^n in two factors, as n reaches below the least exponent of a normal number
    const VU exponent = reinterpret_cast<VU>(shifted) - 0x4338000000000000u + 2048u;
    const VU half = exponent >> 1;
    const V low = reinterpret_cast<V>((half - 1u) << 52);
    const V high = reinterpret_cast<V>((exponent - half - 1u) << 52);
    return p * low * high;
#endif
}

// log(1 + e) for 0 <= e <= 1: log(1+f) = f - s(f - R(s^2)), s = f/(2+f), coefficients of fdlibm's log.
INLINE V log1p_unit(V e) {
    const VI upper = e > 0.41421356237309503;
    const V f = upper ? (e - 1.0) * 0.5 : e;
    const V s = f / (f + 2.0);
    const V t = s * s;
    V R = splat(1.479819860511658591e-01);
    R = R * t + 1.531383769920937332e-01;
    R = R * t + 1.818357216161805012e-01;
    R = R * t + 2.222219843214978396e-01;
    R = R * t + 2.857142874366239149e-01;
    R = R * t + 3.999999999940941908e-01;
    R = R * t + 6.666666666666735130e-01;
    R = R * t;
    const V small = f - s * (f - R);
    return upper ? small + 0.6931471805599453 : small;
}

}  // namespace
}  // namespace logloss::LOGLOSS_ISA
