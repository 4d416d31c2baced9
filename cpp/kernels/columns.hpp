// Dense block, column after column (Fortran order, or the columns of a table). Eight columns at a time over the rows of a
// tile, whose z and u stay in the first cache.
#pragma once

#include "simd.hpp"

namespace logloss::LOGLOSS_ISA {
namespace {

constexpr int C = 8;  // columns at a time

template <class T, int N>
INLINE void columns_predict_some(const T* const* x, Index m, const double* w, double* z) {
    Index i = 0;
    for (; i + W <= m; i += W) {
        V s = load(z + i);
        for (int k = 0; k < N; k++) s += load(x[k] + i) * w[k];
        store(z + i, s);
    }
    for (; i < m; i++) {
        double s = z[i];
        for (int k = 0; k < N; k++) s += double(x[k][i]) * w[k];
        z[i] = s;
    }
}

template <class T, int N>
INLINE void columns_accumulate_some(const T* const* x, Index m, const double* u, double* g, Index ahead) {
    constexpr Index line = 64 / sizeof(T);
    V sums[N] = {};
    Index i = 0;
    for (; i + W <= m; i += W) {
        const V ui = load(u + i);
        for (int k = 0; k < N; k++) sums[k] += load(x[k] + i) * ui;
        if (i % line == 0)
            for (int k = 0; k < N; k++) __builtin_prefetch(x[k] + ahead + i, 0, 2);
    }
    for (int k = 0; k < N; k++) {
        double s = sum(sums[k]);
        for (Index t = i; t < m; t++) s += double(x[k][t]) * u[t];
        g[k] += s;
    }
}

template <class T, int N>
INLINE void starts(const void* const* columns, Index j, Index row, const T** x) {
    for (int k = 0; k < N; k++) x[k] = static_cast<const T*>(columns[j + k]) + row;
}

template <class T>
void columns_predict(const void* const* columns, Index row, Index m, Index d, const double* w, double* z) {
    const T* x[C];
    Index j = 0;
    for (; j + C <= d; j += C) {
        starts<T, C>(columns, j, row, x);
        columns_predict_some<T, C>(x, m, w + j, z);
    }
    for (; j < d; j++) {
        starts<T, 1>(columns, j, row, x);
        columns_predict_some<T, 1>(x, m, w + j, z);
    }
}

template <class T>
void columns_accumulate(const void* const* columns, Index row, Index m, Index d, const double* u, double* g, Index ahead) {
    const T* x[C];
    Index j = 0;
    for (; j + C <= d; j += C) {
        starts<T, C>(columns, j, row, x);
        columns_accumulate_some<T, C>(x, m, u, g + j, ahead);
    }
    for (; j < d; j++) {
        starts<T, 1>(columns, j, row, x);
        columns_accumulate_some<T, 1>(x, m, u, g + j, ahead);
    }
}

}  // namespace
}  // namespace logloss::LOGLOSS_ISA
