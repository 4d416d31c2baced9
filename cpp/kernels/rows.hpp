// Dense block, row after row (C order). Eight rows at a time in both halves of a pass, so that a vector of coefficients
// or of the gradient is loaded once for eight rows. The tail of a row is read as the vector that ends with it: the
// columns that it shares with the vector before meet zero coefficients, and their sums are dropped.
#pragma once

#include "simd.hpp"

namespace logloss::LOGLOSS_ISA {
namespace {

constexpr int R = 8;  // rows at a time

struct Span {  // columns of a row: `whole` in full vectors, then `tail` more
    Index whole, tail;
    explicit Span(Index d) : whole(d / W * W), tail(d % W) {}
};

template <class T>
INLINE V last_coefficients(const double* w, Index d, Index tail) {
    V v{};
    for (Index k = W - tail; k < W; k++) v[k] = w[d - W + k];
    return v;
}

// Both halves of a pass ask for the rows `ahead`, which the next tile will read, while this tile is in cache: one for
// the first four rows of eight, the other for the last four, so that memory is never idle.
template <class T>
INLINE void ask_for_rows(const T* next, Index stride, Index j, int first, int end) {
    if (j % (64 / Index(sizeof(T))) != 0) return;
    for (int k = first; k < end; k++) __builtin_prefetch(next + k * stride + j, 0, 2);
}

// z += x.w for R rows
template <class T>
INLINE void predict_group(const T* x, Index stride, Index d, const Span& span, const double* w, V last, double* z,
                          Index ahead) {
    V sums[R] = {};
    for (Index j = 0; j < span.whole; j += W) {
        const V wj = load(w + j);
        for (int k = 0; k < R; k++) sums[k] += load(x + k * stride + j) * wj;
        ask_for_rows(x + ahead, stride, j, 0, R / 2);
    }
    if (span.tail)
        for (int k = 0; k < R; k++) sums[k] += load(x + k * stride + d - W) * last;
    for (int k = 0; k < R; k++) z[k] += sum(sums[k]);
}

template <class T>
INLINE void predict_short(const T* x, Index stride, Index m, Index d, const double* w, double* z) {
    for (Index i = 0; i < m; i++) {
        double s = 0;
        for (Index j = 0; j < d; j++) s += double(x[i * stride + j]) * w[j];
        z[i] += s;
    }
}

// z += x.w for m rows
template <class T>
void rows_predict(const T* x, Index stride, Index m, Index d, const double* w, double* z, Index ahead) {
    if (d < W) return predict_short(x, stride, m, d, w, z);
    const Span span(d);
    const V last = last_coefficients<T>(w, d, span.tail);
    Index i = 0;
    for (; i + R <= m; i += R) predict_group(x + i * stride, stride, d, span, w, last, z + i, ahead);
    for (; i < m; i++) {
        V s{};
        for (Index j = 0; j < span.whole; j += W) s += load(x + i * stride + j) * load(w + j);
        if (span.tail) s += load(x + i * stride + d - W) * last;
        z[i] += sum(s);
    }
}

// g += X'u over R rows; the columns of the tail go to `last`
template <class T>
INLINE void accumulate_group(const T* x, Index stride, Index d, const Span& span, const double* u, double* g, V& last,
                             Index ahead) {
    for (Index j = 0; j < span.whole; j += W) {
        V gj = load(g + j);
        for (int k = 0; k < R; k++) gj += load(x + k * stride + j) * u[k];
        ask_for_rows(x + ahead, stride, j, R / 2, R);
        store(g + j, gj);
    }
    if (span.tail)
        for (int k = 0; k < R; k++) last += load(x + k * stride + d - W) * u[k];
}

template <class T>
INLINE void accumulate_short(const T* x, Index stride, Index m, Index d, const double* u, double* g) {
    for (Index i = 0; i < m; i++)
        for (Index j = 0; j < d; j++) g[j] += double(x[i * stride + j]) * u[i];
}

// g += X'u over m rows
template <class T>
void rows_accumulate(const T* x, Index stride, Index m, Index d, const double* u, double* g, Index ahead) {
    if (d < W) return accumulate_short(x, stride, m, d, u, g);
    const Span span(d);
    V last{};
    Index i = 0;
    for (; i + R <= m; i += R) accumulate_group(x + i * stride, stride, d, span, u + i, g, last, ahead);
    for (; i < m; i++) {
        for (Index j = 0; j < span.whole; j += W) store(g + j, load(g + j) + load(x + i * stride + j) * u[i]);
        if (span.tail) last += load(x + i * stride + d - W) * u[i];
    }
    for (Index k = W - span.tail; k < W; k++) g[d - W + k] += last[k];
}

}  // namespace
}  // namespace logloss::LOGLOSS_ISA
