// Blocks of one column of a table whose coefficients are not its values.
//
// codes: row i has a 1 in column slots[codes[i]] of the block, and nothing where that is -1. A pass makes a table of
// the coefficient of each code, from which z takes one per row: out of registers where the table is small. X'u is a sum
// for each code, folded to the columns now and then. Rows in turn have several copies of the sums, as an addition to
// what has just been stored waits for it.
//
// nullable: numbers beside Arrow's bitmap. What stands where a bit is 0 may be anything, so it is replaced, not
// multiplied by 0.
#pragma once

#include "arena.hpp"
#include "simd.hpp"

namespace logloss::LOGLOSS_ISA {
namespace {

// ---- codes

template <class F>
INLINE void with_codes(const Block& b, F&& f) {
    if (b.type == Type::u8) return f(static_cast<const std::uint8_t*>(b.data));
    if (b.type == Type::u16) return f(static_cast<const std::uint16_t*>(b.data));
    f(static_cast<const std::int32_t*>(b.data));
}

// Doubles of a table: whole registers where it is looked up in them.
constexpr Index table_size(Index n_codes) {
    return n_codes > 32 ? padded(n_codes) : n_codes > 16 ? 32 : n_codes > 8 ? 16 : 8;
}

constexpr Index sum_copies(Index n_codes) { return n_codes <= 32 ? 8 : n_codes <= 128 ? 4 : n_codes <= 1024 ? 2 : 1; }

inline Index tables_size(const Design& design) {
    Index size = 0;
    for (Index k = 0; k < design.n_blocks; k++)
        if (design.blocks[k].storage == Storage::codes) size += table_size(design.blocks[k].n_codes);
    return size;
}

inline Index code_sums_size(const Block& b) { return padded(b.n_codes * sum_copies(b.n_codes)); }

inline Index code_sums_size(const Design& design) {
    Index size = 0;
    for (Index k = 0; k < design.n_blocks; k++)
        if (design.blocks[k].storage == Storage::codes) size += code_sums_size(design.blocks[k]);
    return size;
}

// The coefficient of each code of each block, one table after the other
inline void fill_tables(const Design& design, const double* coef, double* table) {
    for (Index k = 0; k < design.n_blocks; k++) {
        const Block& b = design.blocks[k];
        if (b.storage != Storage::codes) continue;
        const Index size = table_size(b.n_codes);
        for (Index c = 0; c < size; c++)
            table[c] = c < b.n_codes && b.slots[c] >= 0 ? coef[b.first_column + b.slots[c]] : 0.0;
        table += size;
    }
}

// Values of W codes from a table of as many registers (0: from memory)
template <int registers>
struct Lookup {
    const double* table;
    template <class T>
    INLINE_MEMBER V operator()(const T* codes) const {
        V v;
#if defined(__AVX512DQ__)
        if constexpr (sizeof(T) <= 2)
            v = reinterpret_cast<V>(_mm512_mask_i64gather_pd(_mm512_setzero_pd(), 0xff,
                                                             reinterpret_cast<__m512i>(widen(codes)), table, 8));
        else
#endif
            for (int k = 0; k < W; k++) v[k] = table[codes[k]];
        return v;
    }
};

#if defined(__AVX512DQ__)
template <class T>
INLINE __m512i wide_codes(const T* codes) {
    if constexpr (sizeof(T) <= 2)
        return reinterpret_cast<__m512i>(widen(codes));
    else
        return reinterpret_cast<__m512i>(
            __builtin_convertvector(*reinterpret_cast<const typename Wide<T>::type*>(codes), VI));
}

template <>
struct Lookup<1> {
    __m512d a;
    explicit Lookup(const double* table) : a(_mm512_loadu_pd(table)) {}
    template <class T>
    INLINE_MEMBER V operator()(const T* codes) const {
        return reinterpret_cast<V>(_mm512_maskz_permutexvar_pd(0xff, wide_codes(codes), a));
    }
};

template <>
struct Lookup<2> {
    __m512d a, b;
    explicit Lookup(const double* table) : a(_mm512_loadu_pd(table)), b(_mm512_loadu_pd(table + 8)) {}
    template <class T>
    INLINE_MEMBER V operator()(const T* codes) const {
        return reinterpret_cast<V>(_mm512_permutex2var_pd(a, wide_codes(codes), b));
    }
};

template <>
struct Lookup<4> {
    __m512d a, b, c, d;
    explicit Lookup(const double* t)
        : a(_mm512_loadu_pd(t)), b(_mm512_loadu_pd(t + 8)), c(_mm512_loadu_pd(t + 16)), d(_mm512_loadu_pd(t + 24)) {}
    template <class T>
    INLINE_MEMBER V operator()(const T* codes) const {
        const __m512i at = wide_codes(codes);
        const __mmask8 upper = _mm512_test_epi64_mask(at, _mm512_set1_epi64(16));
        return reinterpret_cast<V>(
            _mm512_mask_blend_pd(upper, _mm512_permutex2var_pd(a, at, b), _mm512_permutex2var_pd(c, at, d)));
    }
};
#endif

template <int registers, class T>
void lookup_predict(const T* codes, Index m, const double* table, double* z) {
    const Lookup<registers> lookup{table};
    Index i = 0;
    for (; i + W <= m; i += W) store(z + i, load(z + i) + lookup(codes + i));
    for (; i < m; i++) z[i] += table[codes[i]];
}

template <class T>
void codes_predict(const T* codes, Index m, Index n_codes, const double* table, double* z) {
#if defined(__AVX512DQ__)
    if (n_codes <= 8) return lookup_predict<1>(codes, m, table, z);
    if (n_codes <= 16) return lookup_predict<2>(codes, m, table, z);
    if (n_codes <= 32) return lookup_predict<4>(codes, m, table, z);
#endif
    (void)n_codes;
    lookup_predict<0>(codes, m, table, z);
}

// sums of u by code, and asks for the rows `ahead`
template <int copies, class T>
void copies_accumulate(const T* codes, Index m, const double* u, double* sums, Index ahead) {
    constexpr Index step = 64 / sizeof(T);
    Index i = 0;
    for (; i + step <= m; i += step) {
        __builtin_prefetch(codes + i + ahead, 0, 2);
        for (Index k = i; k < i + step; k += 8)
            for (int h = 0; h < 8; h++) sums[Index(codes[k + h]) * copies + h % copies] += u[k + h];
    }
    for (; i < m; i++) sums[Index(codes[i]) * copies + i % copies] += u[i];
}

template <class T>
void codes_accumulate(const T* codes, Index m, Index n_codes, const double* u, double* sums, Index ahead) {
    switch (sum_copies(n_codes)) {
        case 8: return copies_accumulate<8>(codes, m, u, sums, ahead);
        case 4: return copies_accumulate<4>(codes, m, u, sums, ahead);
        case 2: return copies_accumulate<2>(codes, m, u, sums, ahead);
        default: return copies_accumulate<1>(codes, m, u, sums, ahead);
    }
}

// column(which, sum) for each code that has one; clears the sums
template <class F>
INLINE void fold_codes(const Design& design, double* sums, F&& column) {
    for (Index k = 0; k < design.n_blocks; k++) {
        const Block& b = design.blocks[k];
        if (b.storage != Storage::codes) continue;
        const Index copies = sum_copies(b.n_codes);
        for (Index c = 0; c < b.n_codes; c++) {
            double total = 0;
            for (Index h = 0; h < copies; h++) {
                total += sums[c * copies + h];
                sums[c * copies + h] = 0.0;
            }
            if (b.slots[c] >= 0) column(b.first_column + b.slots[c], total);
        }
        sums += code_sums_size(b);
    }
}

// ---- nullable

// By the bits of rows [row, row + W), row a multiple of W
INLINE V choose(const std::uint8_t* valid, Index row, V there, V missing) {
    const unsigned byte = valid[row >> 3];
#if defined(__AVX512F__)
    return reinterpret_cast<V>(_mm512_mask_blend_pd(__mmask8(byte), reinterpret_cast<__m512d>(missing),
                                                    reinterpret_cast<__m512d>(there)));
#else
    VI bit;
    for (int k = 0; k < W; k++) bit[k] = std::int64_t(1) << k;
    const VI on = (VI{} + std::int64_t(byte >> (row & 7))) & bit;
    return on != 0 ? there : missing;
#endif
}

INLINE bool is_valid(const std::uint8_t* valid, Index row) { return valid[row >> 3] >> (row & 7) & 1; }

// vector(i, x, m) or one(i, x, m) for the rows [row, row + m): the values, and what the indicator is there
template <class T, class F, class G>
INLINE void each_nullable(const Block& b, Index row, Index m, F&& vector, G&& one) {
    const T* x = static_cast<const T*>(b.data) + row;
    const V fill = splat(b.fill), ones = splat(1.0);
    Index i = 0;
    for (; i + W <= m; i += W)
        vector(i, choose(b.valid, row + i, load(x + i), fill), choose(b.valid, row + i, V{}, ones));
    for (; i < m; i++) {
        const bool there = is_valid(b.valid, row + i);
        one(i, there ? double(x[i]) : b.fill, there ? 0.0 : 1.0);
    }
}

template <class T>
void nullable_predict(const Block& b, Index row, Index m, const double* w, double* z) {
    const T* x = static_cast<const T*>(b.data) + row;
    const double missing = b.fill * w[0] + (b.n_columns == 2 ? w[1] : 0.0);
    const V instead = splat(missing);
    Index i = 0;
    for (; i + W <= m; i += W) store(z + i, load(z + i) + choose(b.valid, row + i, load(x + i) * w[0], instead));
    for (; i < m; i++) z[i] += is_valid(b.valid, row + i) ? double(x[i]) * w[0] : missing;
}

template <class T>
void nullable_accumulate(const Block& b, Index row, Index m, const double* u, double* g, Index ahead) {
    const T* x = static_cast<const T*>(b.data) + row + ahead;
    V values{}, missing{};
    double value = 0, absent = 0;
    each_nullable<T>(
        b, row, m,
        [&](Index i, V xi, V gone) {
            __builtin_prefetch(x + i, 0, 2);
            values += xi * load(u + i);
            missing += gone * load(u + i);
        },
        [&](Index i, double xi, double gone) {
            value += xi * u[i];
            absent += gone * u[i];
        });
    g[0] += sum(values) + value;
    if (b.n_columns == 2) g[1] += sum(missing) + absent;
}

}  // namespace
}  // namespace logloss::LOGLOSS_ISA
