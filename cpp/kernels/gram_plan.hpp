// Where the columns of a subset go in the Gram matrix (gram.hpp) and in leverages (leverage.hpp): dense ones to packed
// positions, sparse ones (CSR, CSC, codes) to positions of the sparse part.
#pragma once

#include "pack.hpp"

namespace logloss::LOGLOSS_ISA {
namespace {

struct SparseMap {  // of one sparse block of which a column is wanted: its column, or its code -> position, or -1
    const Block* block;
    std::int32_t* position;
};

struct GramShape {
    Index n_dense, width;   // dense columns; width = those and the ones, padded to panels
    Index vectors() const { return n_dense / W + 1; }
    Index n_sparse, n_entries;  // sparse columns; entries of a row at most
    Index n_runs, n_maps;
    const Run* runs;
    const SparseMap* maps;
    const double* center;   // by packed position
    bool coded;             // all maps are of codes
    const Index* place;     // of each column of the subset, and of the ones: packed position, or -1 - position
    Index sparse_width() const { return padded(n_sparse + 1); }  // with one place for what is not looked at
};

struct GramPlan {  // memory that describes a shape
    Run* runs;
    SparseMap* maps;
    Index* place;
    std::int32_t *positions, *by_slot;
    double* center;
};

inline void add_runs(const Block& b, Index column, Index position, GramShape& shape, GramPlan& plan) {
    Run* last = shape.n_runs ? &plan.runs[shape.n_runs - 1] : nullptr;
    if (last && last->block == &b && last->column + last->length == column && position % NR != 0)
        last->length++;
    else
        plan.runs[shape.n_runs++] = Run{&b, column, 1, position};
}

// The columns of one sparse block, k and after; returns the first column of the subset beyond it. `spread`: positions
// are those in the subset, with gaps where dense columns are.
inline Index add_sparse(const Block& b, const Index* subset, Index k, Index n, bool spread, GramShape& shape,
                        GramPlan& plan, std::int32_t*& positions) {
    const Index first = k, end = b.first_column + b.n_columns;
    const bool codes = b.storage == Storage::codes;
    std::int32_t* by_column = codes ? plan.by_slot : positions;
    for (Index j = 0; j < b.n_columns; j++) by_column[j] = -1;
    for (; k < n && subset[k] < end; k++) {
        const Index position = spread ? k : shape.n_sparse;
        by_column[subset[k] - b.first_column] = std::int32_t(position);
        plan.place[k] = -1 - position;
        shape.n_sparse++;
    }
    if (k == first) return k;
    plan.maps[shape.n_maps++] = SparseMap{&b, positions};
    shape.coded &= codes;
    shape.n_entries += codes ? 1 : k - first;
    for (Index c = 0; codes && c < b.n_codes; c++) positions[c] = b.slots[c] < 0 ? -1 : by_column[b.slots[c]];
    positions += codes ? b.n_codes : b.n_columns;
    return k;
}

inline void describe(const Design& design, const double* center, const Index* subset, Index n, bool spread,
                     GramShape& shape, GramPlan& plan) {
    shape = GramShape{};
    shape.coded = true;
    std::int32_t* positions = plan.positions;
    Index k = 0;
    for (Index q = 0; q < design.n_blocks; q++) {
        const Block& b = design.blocks[q];
        if (is_sparse(b.storage)) {
            k = add_sparse(b, subset, k, n, spread, shape, plan, positions);
            continue;
        }
        for (; k < n && subset[k] < b.first_column + b.n_columns; k++) {
            plan.center[shape.n_dense] = center ? center[subset[k]] : 0.0;
            plan.place[k] = shape.n_dense;
            add_runs(b, subset[k] - b.first_column, shape.n_dense++, shape, plan);
        }
    }
    plan.place[n] = shape.n_dense;
    if (spread) shape.n_sparse = n;
    shape.coded &= shape.n_maps > 0;
    shape.width = (shape.n_dense + NR) / NR * NR;
    shape.runs = plan.runs;
    shape.maps = plan.maps;
    shape.center = plan.center;
    shape.place = plan.place;
}

inline GramPlan plan_memory(const Design& design, Index n, Workspace& workspace) {
    Index positions = 0;
    for (Index q = 0; q < design.n_blocks; q++) {
        const Block& b = design.blocks[q];
        if (is_sparse(b.storage)) positions += b.storage == Storage::codes ? b.n_codes : b.n_columns;
    }
    return cut_from(workspace, [&](Arena& arena) {
        GramPlan plan{};
        plan.runs = arena.cut<Run>(n + 1);
        plan.maps = arena.cut<SparseMap>(design.n_blocks);
        plan.place = arena.cut<Index>(n + 1);
        plan.center = arena.cut(n + 1 + NR);  // read by whole vectors
        plan.positions = arena.cut<std::int32_t>(positions);
        plan.by_slot = arena.cut<std::int32_t>(design.n_columns);
        return plan;
    });
}

// Panels [0, end) of K rows
inline void pack(const GramShape& shape, Index end, Index n_rows, Index row, Index rows, const double* root,
                 double* panels) {
    for (Index k = 0; k < shape.n_runs; k++) {
        const Run& run = shape.runs[k];
        const Index panel = run.position / NR, inside = run.position % NR;
        if (panel >= end) continue;
        const Index whole = (run.length + W - 1) / W * W;
        pack_run(run, n_rows, row,
                 Packed{shape.center + run.position, root, panels + panel * NR * K + inside, rows, run.length,
                        inside + whole <= NR ? whole : run.length / W * W});
    }
    const Index last = shape.n_dense / NR;
    if (last < end) pack_ones(shape.n_dense % NR, rows, root, panels + last * NR * K);
}

}  // namespace
}  // namespace logloss::LOGLOSS_ISA
