// The entries of rows over all sparse blocks (CSR, CSC, codes), row by row, for the Gram matrix and for leverages.
#pragma once

#include "code_gram.hpp"

namespace logloss::LOGLOSS_ISA {
namespace {

// The entries of K rows over all sparse blocks, row by row, as positions and sqrt(v)-scaled values.
struct Entries {
    Index* position;
    double* value;
    Index* count;     // (K)
    Index capacity;   // of a row
    Index* latest;    // by position: the entry last added there
    void clear_latest(Index n_sparse) const {
        for (Index k = 0; k < n_sparse; k++) latest[k] = -1;
    }
    void add(Index p, Index at, double x) const {
        const Index k = latest[at], first = p * capacity;
        if (k >= first && k < first + count[p] && position[k] == at) {  // a place given twice: its values add up
            value[k] += x;
            return;
        }
        latest[at] = first + count[p]++;
        position[latest[at]] = at;
        value[latest[at]] = x;
    }
};

inline Entries cut_entries(Arena& arena, const GramShape& shape) {
    Entries e{};
    e.capacity = shape.n_entries;
    e.value = arena.cut(K * e.capacity);
    e.position = arena.cut<Index>(K * e.capacity);
    e.count = arena.cut<Index>(K);
    e.latest = arena.cut<Index>(shape.n_sparse);
    return e;
}

template <class T, class I>
void csr_entries(const Sparse<T, I>& x, const std::int32_t* position, Index row, Index rows, const double* root,
                 const Entries& out) {
    for (Index p = 0; p < rows; p++)
        for (Index k = x.pointers[row + p], end = x.pointers[row + p + 1]; k < end; k++)
            if (const Index at = position[x.indices[k]]; at >= 0) out.add(p, at, double(x.values[k]) * root[p]);
}

template <class T, class I>
void csc_entries(const Sparse<T, I>& x, const std::int32_t* position, Index d, Index row, Index rows,
                 const double* root, Index* next, const Entries& out) {
    for (Index j = 0; j < d; j++) {
        const Index end = x.pointers[j + 1];
        Index k = next[j];
        for (; k < end && Index(x.indices[k]) < row + rows; k++) {
            const Index p = Index(x.indices[k]) - row;
            if (position[j] >= 0) out.add(p, position[j], double(x.values[k]) * root[p]);
        }
        next[j] = k;
    }
}

template <class T>
void code_entries(const T* codes, const std::int32_t* position, Index rows, const double* root, const Entries& out) {
    for (Index p = 0; p < rows; p++)
        if (const Index at = position[codes[p]]; at >= 0) out.add(p, at, root[p]);
}

template <class T, class I>
void csc_seek(const Sparse<T, I>& x, Index d, Index row, Index* next) {
    for (Index j = 0; j < d; j++) {
        Index low = x.pointers[j], high = x.pointers[j + 1];
        while (low < high) {
            const Index middle = low + (high - low) / 2;
            if (Index(x.indices[middle]) < row) low = middle + 1; else high = middle;
        }
        next[j] = low;
    }
}

inline void collect(const GramShape& shape, Index row, Index rows, const double* root, Index* next,
                    const Entries& out) {
    for (Index p = 0; p < rows; p++) out.count[p] = 0;
    for (Index k = 0; k < shape.n_maps; k++) {
        const SparseMap& map = shape.maps[k];
        const Block& b = *map.block;
        if (b.storage == Storage::codes) {
            with_codes(b, [&](auto* codes) { code_entries(codes + row, map.position, rows, root, out); });
            continue;
        }
        with_sparse(b, [&](const auto& x) {
            if (b.storage == Storage::csr)
                csr_entries(x, map.position, row, rows, root, out);
            else
                csc_entries(x, map.position, b.n_columns, row, rows, root, next, out);
        });
        if (b.storage == Storage::csc) next += b.n_columns;
    }
}

inline void seek(const GramShape& shape, Index row, Index* next) {
    for (Index k = 0; k < shape.n_maps; k++) {
        const Block& b = *shape.maps[k].block;
        if (b.storage != Storage::csc) continue;
        with_sparse(b, [&](const auto& x) { csc_seek(x, b.n_columns, row, next); });
        next += b.n_columns;
    }
}

// Products of a row's entries with each other and with its packed dense values (the ones among them).
inline void add_products(const GramShape& shape, const Entries& e, Index p, const double* panels,
                         const GramSums& sums) {
    const Index* position = e.position + p * e.capacity;
    const double* value = e.value + p * e.capacity;
    for (Index a = 0; a < e.count[p]; a++) {
        const double x = value[a];
        double* row = sums.within + position[a] * sums.stride;
        for (Index b = a; b < e.count[p]; b++) row[position[b]] += x * value[b];
        double* side = sums.cross + position[a] * shape.width;
        for (Index j = 0; j <= shape.n_dense; j += NR) {
            const double* packed = panels + j * K + p * NR;
            const Index length = shape.n_dense + 1 - j < NR ? shape.n_dense + 1 - j : NR;
            for (Index c = 0; c < length; c++) side[j + c] += x * packed[c];
        }
    }
}

}  // namespace
}  // namespace logloss::LOGLOSS_ISA
