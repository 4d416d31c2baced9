// Dense block, row after row (C order). Eight rows at a time in both halves of a pass, so that a vector of coefficients or
// of the gradient is loaded once for eight rows. The tail of a row is read as the vector that ends with it: the columns that
// it shares with the vector before meet zero coefficients, and their sums are dropped.
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

// z += x.w for m rows. Both halves of a pass ask for the rows `ahead`, which the next tile will read, while this tile is in
// cache: one for the first four rows of eight, the other for the last four, so that memory is never idle.
template <class T>
void rows_predict(const T* x, Index stride, Index m, Index d, const double* w, double* z, Index ahead) {
    const Span span(d);
    constexpr Index line = 64 / sizeof(T);
    Index i = 0;
    if (d >= W) {
        const V last = last_coefficients<T>(w, d, span.tail);
        for (; i + R <= m; i += R) {
            V sums[R] = {};
            const T* xi = x + i * stride;
            const T* next = xi + ahead;
            for (Index j = 0; j < span.whole; j += W) {
                const V wj = load(w + j);
                for (int k = 0; k < R; k++) sums[k] += load(xi + k * stride + j) * wj;
                if (j % line == 0)
                    for (int k = 0; k < R / 2; k++) __builtin_prefetch(next + k * stride + j, 0, 2);
            }
            if (span.tail)
                for (int k = 0; k < R; k++) sums[k] += load(xi + k * stride + d - W) * last;
            for (int k = 0; k < R; k++) z[i + k] += sum(sums[k]);
        }
        for (; i < m; i++) {
            V s{};
            for (Index j = 0; j < span.whole; j += W) s += load(x + i * stride + j) * load(w + j);
            if (span.tail) s += load(x + i * stride + d - W) * last;
            z[i] += sum(s);
        }
        return;
    }
    for (; i < m; i++) {
        double s = 0;
        for (Index j = 0; j < d; j++) s += double(x[i * stride + j]) * w[j];
        z[i] += s;
    }
}

// g += X'u over m rows
template <class T>
void rows_accumulate(const T* x, Index stride, Index m, Index d, const double* u, double* g, Index ahead) {
    const Span span(d);
    constexpr Index line = 64 / sizeof(T);
    Index i = 0;
    if (d >= W) {
        V last{};
        for (; i + R <= m; i += R) {
            const T* xi = x + i * stride;
            const T* next = xi + ahead;
            for (Index j = 0; j < span.whole; j += W) {
                V gj = load(g + j);
                for (int k = 0; k < R; k++) gj += load(xi + k * stride + j) * u[i + k];
                if (j % line == 0)
                    for (int k = R / 2; k < R; k++) __builtin_prefetch(next + k * stride + j, 0, 2);
                store(g + j, gj);
            }
            if (span.tail)
                for (int k = 0; k < R; k++) last += load(xi + k * stride + d - W) * u[i + k];
        }
        for (; i < m; i++) {
            for (Index j = 0; j < span.whole; j += W) store(g + j, load(g + j) + load(x + i * stride + j) * u[i]);
            if (span.tail) last += load(x + i * stride + d - W) * u[i];
        }
        for (Index k = W - span.tail; k < W; k++) g[d - W + k] += last[k];
        return;
    }
    for (; i < m; i++)
        for (Index j = 0; j < d; j++) g[j] += double(x[i * stride + j]) * u[i];
}

}  // namespace
}  // namespace logloss::LOGLOSS_ISA
