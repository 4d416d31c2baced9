// The fused pass: z = Xw + b + o, then a function of z row by row, then X'u, tile by tile while the tile is in cache, so that
// each read of the data moves it once. What is done row by row is an Op:
//
//   Op::n_outputs           how many vectors u it forms (0, 1 or 2)
//   Op::n_sums              how many sums over rows it keeps
//   tile(row, m, z, u, sums)  forms u and adds to the sums
#pragma once

#include "tile.hpp"

namespace logloss::LOGLOSS_ISA {
namespace {

INLINE V load_some(const double* p, Index n) {
    if (n >= W) return load(p);
    V v{};
    for (Index k = 0; k < n; k++) v[k] = p[k];
    return v;
}

INLINE V load_weight(const double* weight, Index i, Index n) {
    if (weight) return load_some(weight + i, n);
    if (n >= W) return splat(1.0);
    V v{};
    for (Index k = 0; k < n; k++) v[k] = 1.0;
    return v;
}

INLINE void store_some(double* p, V v, Index n) {
    if (n >= W) return store(p, v);
    for (Index k = 0; k < n; k++) p[k] = v[k];
}

// The sum of the lanes, pairwise in a fixed order: lanes[0] += lanes[1], lanes[2] += lanes[3], lanes[0] += lanes[2], ...
inline void join_lanes(double* lanes, Index n_lanes, Index stride, Index begin, Index end) {
    for (Index step = 1; step < n_lanes; step *= 2)
        for (Index lane = 0; lane + step < n_lanes; lane += 2 * step) {
            double* into = lanes + lane * stride;
            const double* from = lanes + (lane + step) * stride;
            for (Index j = begin; j < end; j++) into[j] += from[j];
        }
}

// Runs body(task, thread) for each task; the tasks are handed out in any order.
template <class F>
void parallel(Index n_tasks, int n_threads, F&& body) {
    if (n_tasks == 1 || n_threads == 1) {
        for (Index task = 0; task < n_tasks; task++) body(task, 0);
        return;
    }
#ifdef _OPENMP
    const int team = n_tasks < n_threads ? int(n_tasks) : n_threads;
#pragma omp parallel for schedule(dynamic, 1) num_threads(team)
    for (Index task = 0; task < n_tasks; task++) body(task, omp_get_thread_num());
#else
    for (Index task = 0; task < n_tasks; task++) body(task, 0);
#endif
}

inline void clear(double* p, Index n) {
    for (Index j = 0; j < n; j++) p[j] = 0.0;
}

inline void drain(double* from, double* into, Index n) {
    for (Index j = 0; j < n; j++) {
        into[j] += from[j];
        from[j] = 0.0;
    }
}

// Tiles whose sums are kept apart before they join the lane's: short runs of additions round less, and for wide designs
// the join must not cost more than the tiles.
inline Index tiles_per_drain(const Design& design) {
    const Index wide = (design.n_columns + code_sums_size(design)) / (4 * design.plan.tile_rows) * 16;
    return wide > 16 ? wide : 16;
}

template <class Op>
void pass(const Design& design, const double* coef, double intercept, const double* offset, const Op& op,
          double* const* outputs, double* sums, Workspace& workspace, int n_threads) {
    const Plan& plan = design.plan;
    const Index d = design.n_columns, tile = padded(plan.tile_rows) + 8, width = padded(d);
    const Index n_gathered = gathered_size(design), n_next = next_size(design), n_wide = wide_size(design);
    const Index n_tables = tables_size(design), n_coded = code_sums_size(design);
    const Index team = n_threads < plan.n_lanes ? n_threads : plan.n_lanes;
    const Index n_sums = padded(Op::n_sums);
    const Index lane_size = Op::n_outputs * width + n_sums;
    const Index thread_size = (1 + Op::n_outputs) * tile + n_gathered + n_next + Op::n_outputs * (width + n_wide + n_coded);
    double* weights = workspace.take(std::size_t(width + n_tables + plan.n_lanes * lane_size + team * thread_size));
    double* tables = weights + width;
    double* lanes = tables + n_tables;
    double* threads = lanes + plan.n_lanes * lane_size;
    const Index drain_every = tiles_per_drain(design);
    for (Index j = 0; j < d; j++) weights[j] = coef[j];  // beside the sums, on their pages
    fill_tables(design, coef, tables);

    parallel(plan.n_lanes, int(team), [&](Index lane, int thread) {
        double* memory = threads + thread * thread_size;
        TileBuffers t{};
        t.z = memory;
        t.tables = tables;
        double* near = memory + (1 + Op::n_outputs) * tile + n_gathered + n_next;
        for (int k = 0; k < Op::n_outputs; k++) {
            t.u[k] = memory + (1 + k) * tile;
            t.wide[k] = near + Op::n_outputs * width + k * n_wide;
            t.code_sums[k] = near + Op::n_outputs * (width + n_wide) + k * n_coded;
        }
        t.gathered = memory + (1 + Op::n_outputs) * tile;
        t.next = reinterpret_cast<Index*>(t.gathered + n_gathered);
        double* far = lanes + lane * lane_size;
        double* lane_sums = far + Op::n_outputs * width;
        clear(near, Op::n_outputs * (width + n_wide + n_coded));
        clear(far, lane_size);
        start_lane(design, lane, t.next);
        const auto drain_all = [&] {
            for (int q = 0; q < Op::n_outputs; q++) {
                double* into = near + q * width;
                if (n_wide) fold_wide(design, t.wide[q], into);
                if (n_coded) fold_codes(design, t.code_sums[q], [&](Index j, double total) { into[j] += total; });
            }
            drain(near, far, Op::n_outputs * width);
        };
        Index done = 0;
        for (Index k = plan.lane_begin(lane), end = plan.lane_begin(lane + 1); k < end; k++) {
            const Index row = k * plan.tile_rows;
            const Index m = row + plan.tile_rows < design.n_rows ? plan.tile_rows : design.n_rows - row;
            for (Index i = 0; i < m; i++) t.z[i] = intercept + (offset ? offset[row + i] : 0.0);
            for (Index i = m; i < padded(m); i++) t.z[i] = 0.0;
            tile_predict(design, t, row, m, weights);
            op.tile(row, m, t.z, t.u, lane_sums);
            for (int q = 0; q < Op::n_outputs; q++) tile_accumulate(design, t, row, m, q, near + q * width);
            if (n_next) finish_tile(design, row + m, t.next);
            if (++done % drain_every == 0) drain_all();
        }
        drain_all();
    });
    const Index columns_each = 4096;
    parallel((lane_size + columns_each - 1) / columns_each, n_threads, [&](Index part, int) {
        const Index begin = part * columns_each;
        join_lanes(lanes, plan.n_lanes, lane_size, begin,
                   begin + columns_each < lane_size ? begin + columns_each : lane_size);
    });
    for (int q = 0; q < Op::n_outputs; q++)
        for (Index j = 0; j < d; j++) outputs[q][j] = lanes[q * width + j];
    for (int k = 0; k < Op::n_sums; k++) sums[k] = lanes[Op::n_outputs * width + k];
}

}  // namespace
}  // namespace logloss::LOGLOSS_ISA
