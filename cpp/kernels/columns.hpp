// Dense block, column after column (Fortran order, or the columns of a table): eight columns at a time over all rows of
// a tile, so that z and u are loaded once for eight columns and the sums of eight columns stay in registers. While the
// second half of a pass works in cache it asks for half of the columns of the next tile; the first half asks for the
// others sixteen columns before it comes to them. So memory is never idle.
#pragma once

#include "simd.hpp"

namespace logloss::LOGLOSS_ISA {
namespace {

constexpr int group = W == 8 ? 8 : 4;  // columns at a time

template <class T, int C>
struct Columns {  // C columns side by side from one row on
    const T* x[C];
    Columns(const void* const* columns, Index row) {
        for (int c = 0; c < C; c++) x[c] = static_cast<const T*>(columns[c]) + row;
    }
    void prefetch(Index i, int begin, int end) const {
        for (int c = begin; c < end; c++) __builtin_prefetch(x[c] + i, 0, 2);
    }
};

constexpr Index line_rows(Index bytes) { return 64 / bytes > W ? 64 / bytes : W; }

// z += X w for C columns, and asks for half of the `coming` ones
template <class T, int C>
void group_predict(const void* const* columns, Index row, Index m, const double* w, double* z,
                   const Columns<T, C>& coming) {
    const Columns<T, C> at(columns, row);
    constexpr Index step = line_rows(sizeof(T));
    V wide[C];
    for (int c = 0; c < C; c++) wide[c] = splat(w[c]);
    Index i = 0;
    for (; i + step <= m; i += step) {
        coming.prefetch(i, 0, C / 2);
        for (Index k = i; k < i + step; k += W) {
            V zi = load(z + k);
            for (int c = 0; c < C; c++) zi += load(at.x[c] + k) * wide[c];
            store(z + k, zi);
        }
    }
    for (; i + W <= m; i += W) {
        V zi = load(z + i);
        for (int c = 0; c < C; c++) zi += load(at.x[c] + i) * wide[c];
        store(z + i, zi);
    }
    for (; i < m; i++)
        for (int c = 0; c < C; c++) z[i] += double(at.x[c][i]) * w[c];
}

// sums += X'u for C columns, W sums a column: they are added up only now and then, as a tile of a wide table has few
// rows
template <class T, int C>
void group_accumulate(const void* const* columns, Index row, Index m, const double* u, double* sums, Index ahead) {
    const Columns<T, C> at(columns, row);
    constexpr Index step = line_rows(sizeof(T));
    V s[C];
    for (int c = 0; c < C; c++) s[c] = load(sums + c * W);
    Index i = 0;
    for (; i + step <= m; i += step) {
        at.prefetch(i + ahead, C / 2, C);
        for (Index k = i; k < i + step; k += W) {
            const V ui = load(u + k);
            for (int c = 0; c < C; c++) s[c] += load(at.x[c] + k) * ui;
        }
    }
    for (; i + W <= m; i += W) {
        const V ui = load(u + i);
        for (int c = 0; c < C; c++) s[c] += load(at.x[c] + i) * ui;
    }
    for (int c = 0; c < C; c++) store(sums + c * W, s[c]);
    for (Index k = 0; i + k < m; k++)
        for (int c = 0; c < C; c++) sums[c * W + k] += double(at.x[c][i + k]) * u[i + k];
}

template <class T>
void columns_predict(const void* const* columns, Index row, Index m, Index d, const double* w, double* z, Index ahead) {
    const Index whole = d / group * group;
    Index j = 0;
    for (; j < whole; j += group) {
        const Index next = j + 2 * group;  // or the columns where the next tile begins
        const Columns<T, group> coming(columns + next % whole, next < whole ? row : row + ahead);
        group_predict<T, group>(columns + j, row, m, w + j, z, coming);
    }
    with_count<group - 1>(d - j, [&](auto count) {
        constexpr int C = decltype(count)::value;
        group_predict<T, C>(columns + j, row, m, w + j, z, Columns<T, C>(columns + j, row + ahead));
    });
}

template <class T>
void columns_accumulate(const void* const* columns, Index row, Index m, Index d, const double* u, double* sums,
                        Index ahead) {
    Index j = 0;
    for (; j + group <= d; j += group) group_accumulate<T, group>(columns + j, row, m, u, sums + j * W, ahead);
    with_count<group - 1>(d - j, [&](auto count) {
        group_accumulate<T, decltype(count)::value>(columns + j, row, m, u, sums + j * W, ahead);
    });
}

}  // namespace
}  // namespace logloss::LOGLOSS_ISA
