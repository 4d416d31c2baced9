// Dense block, column after column (Fortran order, or the columns of a table). A tile is cut into strips of a few vectors of
// rows, whose z or u stays in registers while all columns go by. While the second half of a pass works in cache it asks for
// the even columns of the next tile; the first half asks for the odd ones just before it comes to them. So memory is never idle.
#pragma once

#include "simd.hpp"

namespace logloss::LOGLOSS_ISA {
namespace {

constexpr int strip = W == 8 ? 8 : 4;  // vectors

template <class T, int S>
INLINE void prefetch_strip(const T* x) {
    for (std::size_t byte = 0; byte < S * W * sizeof(T); byte += 64)
        __builtin_prefetch(reinterpret_cast<const char*>(x) + byte, 0, 2);
}

// z += X w for S vectors of rows from `row`
template <class T, int S>
INLINE void strip_predict(const void* const* columns, Index row, Index d, const double* w, double* z) {
    constexpr Index near = 9;  // columns ahead: what memory delivers in its latency
    V zi[S];
    for (int k = 0; k < S; k++) zi[k] = load(z + k * W);
    for (Index j = 0; j < d; j++) {
        const T* x = static_cast<const T*>(columns[j]) + row;
        for (int k = 0; k < S; k++) zi[k] += load(x + k * W) * w[j];
        if (j % 2 == 0 && j + near < d) prefetch_strip<T, S>(static_cast<const T*>(columns[j + near]) + row);
    }
    for (int k = 0; k < S; k++) store(z + k * W, zi[k]);
}

// sums += X'u, W sums a column: they are added up only now and then, as a tile of a wide table has few rows
template <class T, int S>
INLINE void strip_accumulate(const void* const* columns, Index row, Index d, const double* u, double* sums, Index ahead) {
    V ui[S];
    for (int k = 0; k < S; k++) ui[k] = load(u + k * W);
    for (Index j = 0; j < d; j++) {
        const T* x = static_cast<const T*>(columns[j]) + row;
        V s = load(sums + j * W), t{};
        for (int k = 0; k + 1 < S; k += 2) {
            s += load(x + k * W) * ui[k];
            t += load(x + (k + 1) * W) * ui[k + 1];
        }
        if constexpr (S % 2) s += load(x + (S - 1) * W) * ui[S - 1];
        store(sums + j * W, s + t);
        if (j % 2 == 0) prefetch_strip<T, S>(x + ahead);
    }
}

template <class T>
void columns_predict(const void* const* columns, Index row, Index m, Index d, const double* w, double* z) {
    Index i = 0;
    for (; i + strip * W <= m; i += strip * W) strip_predict<T, strip>(columns, row + i, d, w, z + i);
    for (; i + W <= m; i += W) strip_predict<T, 1>(columns, row + i, d, w, z + i);
    for (; i < m; i++)
        for (Index j = 0; j < d; j++) z[i] += double(static_cast<const T*>(columns[j])[row + i]) * w[j];
}

template <class T>
void columns_accumulate(const void* const* columns, Index row, Index m, Index d, const double* u, double* sums,
                        Index ahead) {
    Index i = 0;
    for (; i + strip * W <= m; i += strip * W) strip_accumulate<T, strip>(columns, row + i, d, u + i, sums, ahead);
    for (; i + W <= m; i += W) strip_accumulate<T, 1>(columns, row + i, d, u + i, sums, ahead);
    for (Index k = 0; i + k < m; k++)
        for (Index j = 0; j < d; j++) sums[j * W + k] += double(static_cast<const T*>(columns[j])[row + i + k]) * u[i + k];
}

}  // namespace
}  // namespace logloss::LOGLOSS_ISA
