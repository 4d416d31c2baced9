// Solves Hx = b for a symmetric positive semidefinite H, on one thread, so that the bits never depend on their number.
//
// H is scaled to a unit diagonal and factored H = LL', 4 x 4 entries at a time as dot products of rows of L. A column
// whose pivot falls to the tolerance is a combination of the columns before it (an alias): its row of L is zero and x
// is 0 there.
#pragma once

#include "simd.hpp"

namespace logloss::LOGLOSS_ISA {
namespace {

constexpr int B = 4;

// A[i..i+rows, j..j+columns] -= A[i.., from..k) A[j.., from..k)'
template <int rows, int columns>
INLINE void subtract_products(double* a, Index n, Index i, Index j, Index from, Index k) {
    V sums[rows][columns] = {};
    Index p = from;
    for (; p + W <= k; p += W) {
        V right[columns];
        for (int c = 0; c < columns; c++) right[c] = load(a + (j + c) * n + p);
        for (int r = 0; r < rows; r++) {
            const V left = load(a + (i + r) * n + p);
            for (int c = 0; c < columns; c++) sums[r][c] += left * right[c];
        }
    }
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < columns; c++) {
            double s = sum(sums[r][c]);
            for (Index q = p; q < k; q++) s += a[(i + r) * n + q] * a[(j + c) * n + q];
            a[(i + r) * n + j + c] -= s;
        }
}

INLINE void divide_by_pivots(double* a, Index n, Index i, Index j, Index columns) {
    for (Index c = j; c < j + columns; c++) {
        double s = a[i * n + c];
        for (Index p = j; p < c; p++) s -= a[i * n + p] * a[c * n + p];
        a[i * n + c] = a[c * n + c] > 0 ? s / a[c * n + c] : 0.0;
    }
}

INLINE Index factor_diagonal(double* a, Index n, Index j, Index columns, double tolerance) {
    Index rank = 0;
    for (Index i = j; i < j + columns; i++) {
        divide_by_pivots(a, n, i, j, i - j);
        double pivot = a[i * n + i];
        for (Index p = j; p < i; p++) pivot -= a[i * n + p] * a[i * n + p];
        const bool alias = !(pivot > tolerance);
        a[i * n + i] = alias ? 0.0 : __builtin_sqrt(pivot);
        if (alias)
            for (Index p = 0; p < i; p++) a[i * n + p] = 0.0;
        rank += !alias;
    }
    return rank;
}

inline Index factor(double* a, Index n, double tolerance) {
    Index rank = 0;
    for (Index j = 0; j < n; j += B) {
        const Index columns = j + B <= n ? B : n - j;
        for (Index i = j; i < j + columns; i++)
            for (Index c = j; c <= i; c++) subtract_products<1, 1>(a, n, i, c, 0, j);
        rank += factor_diagonal(a, n, j, columns, tolerance);
        Index i = j + columns;
        for (; columns == B && i + B <= n; i += B) {
            subtract_products<B, B>(a, n, i, j, 0, j);
            for (Index r = i; r < i + B; r++) divide_by_pivots(a, n, r, j, columns);
        }
        for (; i < n; i++) {
            for (Index c = j; c < j + columns; c++) subtract_products<1, 1>(a, n, i, c, 0, j);
            divide_by_pivots(a, n, i, j, columns);
        }
    }
    return rank;
}

Index solve(double* a, Index n, double* x, double tolerance, double* scale) {
    for (Index i = 0; i < n; i++) scale[i] = a[i * n + i] > 0 ? 1.0 / __builtin_sqrt(a[i * n + i]) : 0.0;
    for (Index i = 0; i < n; i++)
        for (Index j = 0; j <= i; j++) a[i * n + j] *= scale[i] * scale[j];
    const Index rank = factor(a, n, tolerance);
    for (Index i = 0; i < n; i++) {
        double s = x[i] * scale[i];
        for (Index j = 0; j < i; j++) s -= a[i * n + j] * x[j];
        x[i] = a[i * n + i] > 0 ? s / a[i * n + i] : 0.0;
    }
    for (Index i = n; i-- > 0;) {
        x[i] = a[i * n + i] > 0 ? x[i] / a[i * n + i] : 0.0;
        for (Index j = 0; j < i; j++) x[j] -= a[i * n + j] * x[i];
    }
    for (Index i = 0; i < n; i++) x[i] *= scale[i];
    return rank;
}

}  // namespace
}  // namespace logloss::LOGLOSS_ISA
