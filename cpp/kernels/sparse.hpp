// Sparse blocks: rows after rows (CSR), and columns after columns (CSC), of which a tile reads the entries of its rows.
#pragma once

#include "simd.hpp"

namespace logloss::LOGLOSS_ISA {
namespace {

template <class T, class I>
struct Sparse {
    const I* pointers;
    const I* indices;
    const T* values;
    explicit Sparse(const Block& b)
        : pointers(static_cast<const I*>(b.pointers)),
          indices(static_cast<const I*>(b.indices)),
          values(static_cast<const T*>(b.data)) {}
};

template <class T, class I>
void csr_predict(const Sparse<T, I>& x, Index row, Index m, const double* w, double* z) {
    for (Index i = 0; i < m; i++) {
        const Index end = x.pointers[row + i + 1];
        Index k = x.pointers[row + i];
        double a = 0, b = 0, c = 0, d = 0;
        for (; k + 4 <= end; k += 4) {
            a += double(x.values[k]) * w[x.indices[k]];
            b += double(x.values[k + 1]) * w[x.indices[k + 1]];
            c += double(x.values[k + 2]) * w[x.indices[k + 2]];
            d += double(x.values[k + 3]) * w[x.indices[k + 3]];
        }
        for (; k < end; k++) a += double(x.values[k]) * w[x.indices[k]];
        z[i] += (a + b) + (c + d);
    }
}

template <class T, class I>
void csr_accumulate(const Sparse<T, I>& x, Index row, Index m, const double* u, double* g) {
    for (Index i = 0; i < m; i++) {
        const double ui = u[i];
        for (Index k = x.pointers[row + i], end = x.pointers[row + i + 1]; k < end; k++)
            g[x.indices[k]] += double(x.values[k]) * ui;
    }
}

// `next[j]` is the first entry of column j at or after the tile's first row; it is moved on only by the second half of
// the pass.
template <class T, class I>
void csc_predict(const Sparse<T, I>& x, const Index* next, Index row, Index m, Index d, const double* w, double* z) {
    for (Index j = 0; j < d; j++) {
        const Index end = x.pointers[j + 1];
        const double wj = w[j];
        for (Index k = next[j]; k < end && Index(x.indices[k]) < row + m; k++)
            z[x.indices[k] - row] += double(x.values[k]) * wj;
    }
}

template <class T, class I>
void csc_accumulate(const Sparse<T, I>& x, const Index* next, Index row, Index m, Index d, const double* u, double* g) {
    for (Index j = 0; j < d; j++) {
        const Index end = x.pointers[j + 1];
        double s = 0;
        for (Index k = next[j]; k < end && Index(x.indices[k]) < row + m; k++)
            s += double(x.values[k]) * u[x.indices[k] - row];
        g[j] += s;
    }
}

template <class I>
void csc_advance(const Block& b, Index* next, Index row_end) {
    const I* pointers = static_cast<const I*>(b.pointers);
    const I* indices = static_cast<const I*>(b.indices);
    for (Index j = 0; j < b.n_columns; j++)
        while (next[j] < Index(pointers[j + 1]) && Index(indices[next[j]]) < row_end) next[j]++;
}

}  // namespace
}  // namespace logloss::LOGLOSS_ISA
