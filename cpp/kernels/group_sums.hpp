// Sums over groups of rows of v [x-c, 1]: the scores of clusters, for v = s r.
//
// Rows are packed as for the Gram matrix, times v in place of a root, and each is added to the sums of its group. Lanes of
// rows each have their own sums, so there are few of them where there are many groups.
#pragma once

#include "gram.hpp"

namespace logloss::LOGLOSS_ISA {
namespace {

// `sums`: `size` for each group: of dense columns and the ones, in whole vectors, then of sparse columns.
inline void group_lane(const Design& design, const GramShape& shape, const double* v, const Index* group, Index begin, Index end,
                       double* memory, Index size, double* sums) {
    double* panels = memory;
    double* taken = panels + shape.width * K;
    const Entries entries = entries_in(taken, shape);
    Index* next = reinterpret_cast<Index*>(taken + entries_size(shape));
    const Index vectors = shape.vectors();
    if (shape.n_maps) seek(shape, begin, next);
    for (Index row = begin; row < end; row += K) {
        const Index m = row + K < end ? K : end - row;
        pack(shape, shape.width / NR, design.n_rows, row, m, v + row, panels);
        if (shape.n_maps) collect(shape, row, m, v + row, next, entries);
        for (Index p = 0; p < m; p++) {
            double* into = sums + group[row + p] * size;
            for (Index k = 0; k < vectors; k++)
                store(into + k * W, load(into + k * W) + load(panels + k / NV * NR * K + p * NR + k % NV * W));
            double* sparse = into + vectors * W;
            for (Index k = 0; shape.n_maps && k < entries.count[p]; k++)
                sparse[entries.position[p * entries.capacity + k]] += entries.value[p * entries.capacity + k];
        }
    }
}

// `out`: (n_groups, n + 1), in the order of the subset, the ones last. Each of `group` is in [0, n_groups).
void group_sums(const Design& design, const double* v, const Index* group, Index n_groups, const double* center,
                const Index* subset, Index n, double* out, Workspace& workspace, int n_threads) {
    GramPlan plan = plan_memory(design, n, workspace);
    GramShape shape;
    describe(design, center, subset, n, false, shape, plan);
    const Index vectors = shape.vectors(), size = vectors * W + padded(shape.n_sparse);
    const Index chunks = (design.n_rows + K - 1) / K, room = (Index(1) << 22) / (n_groups * size);
    Index lanes = chunks / 64 < room ? chunks / 64 : room;
    lanes = lanes < 1 ? 1 : lanes > 16 ? 16 : lanes;

    const Index lane_size = n_groups * size;
    const Index thread_size = padded(shape.width * K + entries_size(shape) + design.n_columns);
    const Index team = n_threads < lanes ? n_threads : lanes;
    double* sums = workspace.take(std::size_t(lanes * lane_size + team * thread_size));
    double* threads = sums + lanes * lane_size;
    parallel(lanes, int(team), [&](Index lane, int thread) {
        const Index begin = lane * chunks / lanes * K, stop = (lane + 1) * chunks / lanes * K;
        double* memory = threads + thread * thread_size;
        clear(memory, shape.width * K);
        clear(sums + lane * lane_size, lane_size);
        group_lane(design, shape, v, group, begin, stop < design.n_rows ? stop : design.n_rows, memory, size,
                   sums + lane * lane_size);
    });
    const Index each = 4096 / size + 1;
    parallel((n_groups + each - 1) / each, n_threads, [&](Index part, int) {
        const Index first = part * each, last = first + each < n_groups ? first + each : n_groups;
        join_lanes(sums, lanes, lane_size, first * size, last * size);
        for (Index g = first; g < last; g++)
            for (Index k = 0; k <= n; k++) {
                const Index at = plan.place[k];
                out[g * (n + 1) + k] = sums[g * size + (at >= 0 ? at : vectors * W - 1 - at)];
            }
    });
}

}  // namespace
}  // namespace logloss::LOGLOSS_ISA
