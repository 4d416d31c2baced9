// Rows one at a time, in the coordinates of the solver: x' = (x - center) / scale, and a 1 at the end where there is an
// intercept. What a solver does with a row is the same for dense and sparse rows:
//
//   dot(i, w)      x'.w of row i
//   add(i, c, g)   g += c x' for the row that `dot` has just read
//   fetch(i)       asks memory for row i, which is read soon: the order of the rows is known in advance
#pragma once

#include "tile.hpp"

namespace logloss::LOGLOSS_ISA {
namespace {

constexpr Index rows_ahead = 8;

// Vectors over coefficients have this length: zeros fill the rest.
inline Index row_width(const RowTable& table) { return padded(table.n_columns + table.intercept); }

template <class T>
struct DenseRows {
    const T* data;
    Index stride, d, width;
    const double* center;   // of padded length, as is `inverse`
    const double* inverse;
    double* row;            // x' of the row read last

    DenseRows(const RowTable& table, Workspace& workspace)
        : data(static_cast<const T*>(table.block.data)), stride(table.block.row_stride), d(table.n_columns),
          width(row_width(table)), center(table.center), inverse(table.inverse) {
        row = workspace.take(std::size_t(width + W));
        for (Index j = 0; j < width; j++) row[j] = 0.0;
        if (table.intercept) row[d] = 1.0;
    }

    // The last columns are read as the vector that ends with the row, or one by one where the row is shorter than a
    // vector.
    double dot(Index i, const double* w) const {
        const T* x = data + i * stride;
        V a{}, b{};
        Index j = 0;
        for (; j + 2 * W <= d; j += 2 * W) {
            const V first = (load(x + j) - load(center + j)) * load(inverse + j);
            const V second = (load(x + j + W) - load(center + j + W)) * load(inverse + j + W);
            store(row + j, first);
            store(row + j + W, second);
            a += first * load(w + j);
            b += second * load(w + j + W);
        }
        const Index done = j;
        for (; j + W <= d; j += W) store(row + j, (load(x + j) - load(center + j)) * load(inverse + j));
        if (j < d && d >= W)
            store(row + d - W, (load(x + d - W) - load(center + d - W)) * load(inverse + d - W));
        else
            for (; j < d; j++) row[j] = (double(x[j]) - center[j]) * inverse[j];
        for (j = done; j < width; j += W) a += load(row + j) * load(w + j);
        return sum(a + b);
    }

    void add(Index, double c, double* g) const {
        for (Index j = 0; j < width; j += W) store(g + j, load(g + j) + load(row + j) * c);
    }

    void fetch(Index i) const {
        const char* x = reinterpret_cast<const char*>(data + i * stride);
        for (Index byte = 0; byte < d * Index(sizeof(T)); byte += 64) __builtin_prefetch(x + byte);
    }

    double square(Index i) const {
        dot(i, row);
        V s{};
        for (Index j = 0; j < width; j += W) s += load(row + j) * load(row + j);
        return sum(s);
    }
};

template <class T, class I>
struct SparseRows {
    Sparse<T, I> x;
    Index d, width;
    bool intercept;
    const double* inverse;

    SparseRows(const RowTable& table, Workspace&)
        : x(table.block),
          d(table.n_columns),
          width(row_width(table)),
          intercept(table.intercept),
          inverse(table.inverse) {}

    Index begin(Index i) const { return x.pointers[i]; }
    Index end(Index i) const { return x.pointers[i + 1]; }
    double value(Index k) const { return double(x.values[k]) * inverse[x.indices[k]]; }

    double dot(Index i, const double* w) const {
        double z = intercept ? w[d] : 0.0;
        for (Index k = begin(i); k < end(i); k++) z += value(k) * w[x.indices[k]];
        return z;
    }

    void add(Index i, double c, double* g) const {
        for (Index k = begin(i); k < end(i); k++) g[x.indices[k]] += c * value(k);
        if (intercept) g[d] += c;
    }

    void fetch(Index i) const {
        constexpr Index most = 4;  // lines: the processor asks for those that follow
        const Index first = begin(i), n = end(i) - first;
        for (Index k = 0; k < n && k < most * Index(64 / sizeof(I)); k += 64 / sizeof(I))
            __builtin_prefetch(x.indices + first + k);
        for (Index k = 0; k < n && k < most * Index(64 / sizeof(T)); k += 64 / sizeof(T))
            __builtin_prefetch(x.values + first + k);
    }

    double square(Index i) const {
        double s = intercept ? 1.0 : 0.0;
        for (Index k = begin(i); k < end(i); k++) s += value(k) * value(k);
        return s;
    }
};

template <class T, class F>
INLINE void with_sparse_rows(const RowTable& table, Workspace& workspace, F&& body) {
    if (table.block.wide_index) return body(SparseRows<T, std::int64_t>(table, workspace));
    body(SparseRows<T, std::int32_t>(table, workspace));
}

// body(reader) for the way in which the rows are stored
template <class F>
INLINE void with_rows(const RowTable& table, Workspace& workspace, F&& body) {
    const bool narrow = table.block.type == Type::f32;
    if (table.block.storage == Storage::csr)
        return narrow ? with_sparse_rows<float>(table, workspace, body)
                      : with_sparse_rows<double>(table, workspace, body);
    if (narrow) return body(DenseRows<float>(table, workspace));
    body(DenseRows<double>(table, workspace));
}

// Asks for what the draw `rows_ahead` of this one needs, beside its row.
template <class R>
INLINE void fetch_ahead(const R& rows, const Observations& data, const Draws& draws, Index t) {
    if (t + rows_ahead >= draws.n) return;
    const Index i = draws.order[t + rows_ahead];
    rows.fetch(i);
    __builtin_prefetch(data.y + i);
    if (data.offset) __builtin_prefetch(data.offset + i);
}

INLINE double residual_of(double z, double y) { return residual(probability(splat(z)), splat(y))[0]; }

// The largest |x'|^2 of a row with weight: four times the Lipschitz constant of its gradient.
double largest_square(const RowTable& table, const double* weight, Workspace& workspace) {
    double most = 0;
    with_rows(table, workspace, [&](const auto& rows) {
        for (Index i = 0; i < table.n_rows; i++) {
            if (weight && !(weight[i] > 0)) continue;
            const double s = rows.square(i);
            most = s > most ? s : most;
        }
    });
    return most;
}

}  // namespace
}  // namespace logloss::LOGLOSS_ISA
