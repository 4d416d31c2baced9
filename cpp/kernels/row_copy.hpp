// A design that cannot be read row by row (columns, CSC, several blocks) copied once into one that can: rows in C order
// where all blocks are dense, else CSR. Values of type O: float where that holds all of them.
#pragma once

#include "tile.hpp"

namespace logloss::LOGLOSS_ISA {
namespace {

constexpr Index copy_rows_at_once = 64;  // columns are read in pieces that stay in cache while their rows are written

// entry(row, column in the block, value) for the rows [begin, end)
template <class F>
INLINE void each_dense(const Block& b, Index begin, Index end, F&& entry) {
    with_type(b.type, [&](auto* type) {
        using T = std::remove_const_t<std::remove_pointer_t<decltype(type)>>;
        for (Index row = begin; row < end; row += copy_rows_at_once) {
            const Index stop = row + copy_rows_at_once < end ? row + copy_rows_at_once : end;
            for (Index j = 0; j < b.n_columns; j++) {
                const bool apart = b.storage == Storage::columns;
                const T* x =
                    static_cast<const T*>(apart ? b.column_data[j] : b.data) + (apart ? 0 : j * b.column_stride);
                const Index stride = apart ? 1 : b.row_stride;
                for (Index i = row; i < stop; i++) entry(i, j, x[i * stride]);
            }
        }
    });
}

template <class F>
INLINE void each_filled(const Block& b, Index begin, Index end, F&& entry) {
    with_type(b.type, [&](auto* type) {
        for (Index i = begin; i < end; i++) {
            const bool there = is_valid(b.valid, i);
            entry(i, Index(0), there ? double(static_cast<decltype(type)>(b.data)[i]) : b.fill);
            if (b.n_columns == 2) entry(i, Index(1), there ? 0.0 : 1.0);
        }
    });
}

template <class F>
INLINE void each_code(const Block& b, Index n_rows, F&& entry) {
    with_codes(b, [&](auto* codes) {
        for (Index i = 0; i < n_rows; i++)
            if (const Index slot = b.slots[codes[i]]; slot >= 0) entry(i, slot, 1.0);
    });
}

template <class F>
INLINE void each_sparse(const Block& b, Index n_rows, F&& entry) {
    with_sparse(b, [&](const auto& x) {
        const bool by_row = b.storage == Storage::csr;
        for (Index a = 0, n = by_row ? n_rows : b.n_columns; a < n; a++)
            for (Index k = x.pointers[a], end = x.pointers[a + 1]; k < end; k++)
                entry(by_row ? a : Index(x.indices[k]), by_row ? Index(x.indices[k]) : a, x.values[k]);
    });
}

template <class O>
void dense_copy(const Design& design, O* out) {
    const Index d = design.n_columns;
    for (Index row = 0; row < design.n_rows; row += copy_rows_at_once) {
        const Index end = row + copy_rows_at_once < design.n_rows ? row + copy_rows_at_once : design.n_rows;
        for (Index k = 0; k < design.n_blocks; k++) {
            const Block& b = design.blocks[k];
            O* from = out + b.first_column;
            const auto put = [&](Index i, Index j, auto x) { from[i * d + j] = O(x); };
            if (b.storage == Storage::nullable)
                each_filled(b, row, end, put);
            else
                each_dense(b, row, end, put);
        }
    }
}

template <class F>
INLINE void each_entry(const Design& design, F&& entry) {
    for (Index k = 0; k < design.n_blocks; k++) {
        const Block& b = design.blocks[k];
        const Index first = b.first_column;
        auto keep = [&](Index i, Index j, auto x) {
            if (x != 0) entry(i, first + j, x);
        };
        if (b.storage == Storage::csr || b.storage == Storage::csc)
            each_sparse(b, design.n_rows, keep);
        else if (b.storage == Storage::codes)
            each_code(b, design.n_rows, keep);
        else if (b.storage == Storage::nullable)
            each_filled(b, 0, design.n_rows, keep);
        else
            each_dense(b, 0, design.n_rows, keep);
    }
}

void copy_rows(const Design& design, bool narrow, void* out) {
    if (narrow) return dense_copy(design, static_cast<float*>(out));
    dense_copy(design, static_cast<double*>(out));
}

// pointers[i + 1]: the entries of the rows up to i; returns how many there are
Index count_entries(const Design& design, Index* pointers) {
    for (Index i = 0; i <= design.n_rows; i++) pointers[i] = 0;
    each_entry(design, [&](Index i, Index, auto) { pointers[i + 1]++; });
    for (Index i = 0; i < design.n_rows; i++) pointers[i + 1] += pointers[i];
    return pointers[design.n_rows];
}

template <class O>
void sparse_copy(const Design& design, Index* next, Index* indices, O* values) {
    each_entry(design, [&](Index i, Index j, auto x) {
        const Index k = next[i]++;
        indices[k] = j;
        values[k] = O(x);
    });
}

// `next` begins as the pointers and ends as the ends of the rows
void copy_entries(const Design& design, bool narrow, Index* next, Index* indices, void* values) {
    if (narrow) return sparse_copy(design, next, indices, static_cast<float*>(values));
    sparse_copy(design, next, indices, static_cast<double*>(values));
}

}  // namespace
}  // namespace logloss::LOGLOSS_ISA
