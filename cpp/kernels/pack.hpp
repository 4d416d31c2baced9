// Dense columns packed for the Gram matrix (gram.hpp): K rows at a time, into panels of NR columns, row after row,
// centred and scaled by the square root of each row's weight. Whole vectors are written wherever the panel has room:
// what lies to the right is packed later, so columns that a vector has too many are written over.
#pragma once

#include "pass.hpp"

namespace logloss::LOGLOSS_ISA {
namespace {

constexpr int NV = W == 2 ? 4 : 3;  // vectors across a panel
constexpr int NR = NV * W;
constexpr Index K = 128;

// Columns of one dense block that lie side by side both in the block and in one panel.
struct Run {
    const Block* block;
    Index column, length, position;  // in the block; how many; packed position
};

// Where a run is packed: `whole` of its columns go in vectors, the others one by one.
struct Packed {
    const double* center;
    const double* root;
    double* out;
    Index rows, length, whole;
};

template <class T>
void pack_rows(const T* x, Index stride, const T* last, const Packed& to) {
    for (Index p = 0; p < to.rows; p++) {
        const T* xp = x + p * stride;
        double* out = to.out + p * NR;
        Index j = 0;
        for (; j < to.whole && xp + j <= last; j += W)
            store(out + j, (load(xp + j) - load(to.center + j)) * to.root[p]);
        for (; j < to.length; j++) out[j] = (double(xp[j]) - to.center[j]) * to.root[p];
    }
}

template <class T>
void pack_strided(const T* x, Index row_stride, Index column_stride, const Packed& to) {
    for (Index p = 0; p < to.rows; p++)
        for (Index j = 0; j < to.length; j++)
            to.out[p * NR + j] = (double(x[p * row_stride + j * column_stride]) - to.center[j]) * to.root[p];
}

// W rows of W columns at a time, transposed in registers; `columns` may end with the vector
template <class T>
void pack_columns(const void* const* columns, Index row, const Packed& to) {
    const auto column = [&](Index j) {
        return static_cast<const T*>(columns[j < to.length ? j : to.length - 1]) + row;
    };
    const Index whole_rows = to.rows / W * W;
    for (Index j = 0; j < to.whole; j += W) {
        const T* x[W];
        for (int c = 0; c < W; c++) x[c] = column(j + c);
        for (Index p = 0; p < whole_rows; p += W) {
            V square[W];
            const V root = load(to.root + p);
            for (int c = 0; c < W; c++) square[c] = (load(x[c] + p) - to.center[j + c]) * root;
            transpose(square);
            for (int k = 0; k < W; k++) store(to.out + (p + k) * NR + j, square[k]);
        }
    }
    for (Index j = 0; j < to.length; j++) {
        const T* x = column(j);
        for (Index p = j < to.whole ? whole_rows : 0; p < to.rows; p++)
            to.out[p * NR + j] = (double(x[p]) - to.center[j]) * to.root[p];
    }
}

template <class T>
void pack_nullable(const Block& b, Index column, Index row, const Packed& to) {
    for (Index j = 0; j < to.length; j++) {  // the value, the indicator or both
        const bool indicator = column + j == 1;
        const double center = to.center[j];
        double* out = to.out + j;
        each_nullable<T>(
            b, row, to.rows,
            [&](Index p, V x, V missing) {
                const V packed = ((indicator ? missing : x) - center) * load(to.root + p);
                for (int k = 0; k < W; k++) out[(p + k) * NR] = packed[k];
            },
            [&](Index p, double x, double missing) {
                out[p * NR] = ((indicator ? missing : x) - center) * to.root[p];
            });
    }
}

inline void pack_run(const Run& run, Index n_rows, Index row, const Packed& to) {
    const Block& b = *run.block;
    with_type(b.type, [&](auto* type) {
        using T = std::remove_const_t<std::remove_pointer_t<decltype(type)>>;
        const T* x = static_cast<const T*>(b.data);
        if (b.storage == Storage::columns)
            return pack_columns<T>(b.column_data + run.column, row, to);
        if (b.storage == Storage::nullable) return pack_nullable<T>(b, run.column, row, to);
        const T* first = x + row * b.row_stride + run.column * b.column_stride;
        if (b.storage == Storage::strided) return pack_strided(first, b.row_stride, b.column_stride, to);
        // the last place where a vector ends inside the block
        const T* end = x + (b.row_stride > 0 ? (n_rows - 1) * b.row_stride : 0) + b.n_columns;
        pack_rows(first, b.row_stride, end - W, to);
    });
}

// The ones after the last dense column, and zeros to the end of their vector.
inline void pack_ones(Index at, Index rows, const double* root, double* out) {
    for (Index p = 0; p < rows; p++) {
        out[p * NR + at] = root[p];
        for (Index j = at + 1; j % W; j++) out[p * NR + j] = 0.0;
    }
}

}  // namespace
}  // namespace logloss::LOGLOSS_ISA
