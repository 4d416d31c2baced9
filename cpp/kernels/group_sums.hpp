// Sums over groups of rows of v [x-c, 1]: the scores of clusters, for v = s r.
//
// Rows are packed as for the Gram matrix, times v in place of a root, and each is added to the sums of its group. Lanes
// of rows each have their own sums, so there are few of them where there are many groups.
#pragma once

#include "gram.hpp"

namespace logloss::LOGLOSS_ISA {
namespace {

struct GroupMemory {  // of a thread
    double* panels;
    Entries entries;
    Index* next;

    static GroupMemory cut(Arena& arena, const GramShape& shape, Index n_columns) {
        GroupMemory m{};
        m.panels = arena.cut(shape.width * K);
        m.entries = cut_entries(arena, shape);
        m.next = arena.cut<Index>(n_columns);
        return m;
    }
};

// `sums`: `size` for each group: of dense columns and the ones, in whole vectors, then of sparse columns.
inline void group_lane(const Design& design, const GramShape& shape, const double* v, const Index* group, Index begin,
                       Index end, const GroupMemory& memory, Index size, double* sums) {
    const Entries& entries = memory.entries;
    const Index vectors = shape.vectors();
    clear(memory.panels, shape.width * K);
    entries.clear_latest(shape.n_sparse);
    if (shape.n_maps) seek(shape, begin, memory.next);
    for (Index row = begin; row < end; row += K) {
        const Index m = row + K < end ? K : end - row;
        pack(shape, shape.width / NR, design.n_rows, row, m, v + row, memory.panels);
        if (shape.n_maps) collect(shape, row, m, v + row, memory.next, entries);
        for (Index p = 0; p < m; p++) {
            double* into = sums + group[row + p] * size;
            for (Index k = 0; k < vectors; k++)
                store(into + k * W, load(into + k * W) + load(memory.panels + k / NV * NR * K + p * NR + k % NV * W));
            double* sparse = into + vectors * W;
            for (Index k = 0; shape.n_maps && k < entries.count[p]; k++)
                sparse[entries.position[p * entries.capacity + k]] += entries.value[p * entries.capacity + k];
        }
    }
}

struct GroupSums {  // of a lane; and of a thread
    Pieces lanes, threads;
};

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

    const Index lane_size = n_groups * size, team = n_threads < lanes ? n_threads : lanes;
    const auto cut = [&](Arena& arena) { return GroupMemory::cut(arena, shape, design.n_columns); };
    const Index thread_size = size_of(cut);
    const GroupSums memory = cut_from(workspace, [&](Arena& arena) {
        GroupSums m{};
        m.lanes = arena.cut_pieces(lanes, lane_size);
        m.threads = arena.cut_pieces(team, thread_size);
        return m;
    });
    double* sums = memory.lanes.first;
    parallel(lanes, int(team), [&](Index lane, int thread) {
        const Index begin = lane * chunks / lanes * K, stop = (lane + 1) * chunks / lanes * K;
        const Index end = stop < design.n_rows ? stop : design.n_rows;
        clear(memory.lanes[lane], lane_size);
        Arena arena(memory.threads[thread]);
        group_lane(design, shape, v, group, begin, end, cut(arena), size, memory.lanes[lane]);
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
