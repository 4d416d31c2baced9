// The fused pass: z = Xw + b + o, then a function of z row by row, then X'u, tile by tile while the tile is in cache,
// so that each read of the data moves it once. What is done row by row is an Op:
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

// The sum of the lanes, pairwise in a fixed order: lanes[0] += lanes[1], lanes[2] += lanes[3], lanes[0] += lanes[2],
// ...
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

// z = x.coef + intercept + offset (null: 0).
struct Linear {
    const double* coef;
    double intercept;
    const double* offset;
};

// Of the memory of a pass: for each thread a tile, its sums since the last drain; for each lane its sums.
template <class Op>
struct PassShape {
    static constexpr int n_outputs = Op::n_outputs;
    Index width, tile, n_gathered, n_next, n_wide, n_coded, n_tables;

    explicit PassShape(const Design& design)
        : width(padded(design.n_columns)), tile(padded(design.plan.tile_rows) + 8), n_gathered(gathered_size(design)),
          n_next(next_size(design)), n_wide(wide_size(design)), n_coded(code_sums_size(design)),
          n_tables(tables_size(design)) {}

    Index lane_size() const { return n_outputs * width + padded(Op::n_sums); }

    TileBuffers cut_tile(Arena& arena) const {
        TileBuffers t{};
        t.z = arena.cut(tile);
        for (int q = 0; q < n_outputs; q++) t.u[q] = arena.cut(tile);
        t.gathered = arena.cut(n_gathered);
        t.next = arena.cut<Index>(n_next);
        for (int q = 0; q < n_outputs; q++) t.near[q] = arena.cut(width);
        for (int q = 0; q < n_outputs; q++) t.wide[q] = arena.cut(n_wide);
        for (int q = 0; q < n_outputs; q++) t.code_sums[q] = arena.cut(n_coded);
        return t;
    }

    void clear_sums(const TileBuffers& t) const {
        for (int q = 0; q < n_outputs; q++) {
            clear(t.near[q], width);
            clear(t.wide[q], n_wide);
            clear(t.code_sums[q], n_coded);
        }
    }

    // The sums since the last drain into those of the lane.
    void drain_sums(const Design& design, const TileBuffers& t, double* far) const {
        for (int q = 0; q < n_outputs; q++) {
            double* near = t.near[q];
            if (n_wide) fold_wide(design, t.wide[q], near);
            if (n_coded) fold_codes(design, t.code_sums[q], [&](Index j, double total) { near[j] += total; });
            drain(near, far + q * width, width);
        }
    }
};

inline void start_tile(const Linear& linear, Index row, Index m, double* z) {
    for (Index i = 0; i < m; i++) z[i] = linear.intercept + (linear.offset ? linear.offset[row + i] : 0.0);
    for (Index i = m; i < padded(m); i++) z[i] = 0.0;
}

template <class Op>
void pass_lane(const Design& design, const Linear& linear, const Op& op, const PassShape<Op>& shape,
               const TileBuffers& t, Index lane, double* far) {
    const Plan& plan = design.plan;
    const Index drain_every = tiles_per_drain(design);
    double* sums = far + Op::n_outputs * shape.width;
    shape.clear_sums(t);
    clear(far, shape.lane_size());
    start_lane(design, lane, t.next);
    Index done = 0;
    for (Index k = plan.lane_begin(lane), end = plan.lane_begin(lane + 1); k < end; k++) {
        const Index row = k * plan.tile_rows, m = plan.rows_of(k, design.n_rows);
        start_tile(linear, row, m, t.z);
        tile_predict(design, t, row, m, linear.coef);
        op.tile(row, m, t.z, t.u, sums);
        for (int q = 0; q < Op::n_outputs; q++) tile_accumulate(design, t, row, m, q, t.near[q]);
        if (shape.n_next) finish_tile(design, row + m, t.next);
        if (++done % drain_every == 0) shape.drain_sums(design, t, far);
    }
    shape.drain_sums(design, t, far);
}

// Joins all lanes into the first, a run of columns a task.
inline void join_in_parts(const Pieces& lanes, Index n_lanes, int n_threads) {
    const Index each = 4096, size = lanes.size;
    parallel((size + each - 1) / each, n_threads, [&](Index part, int) {
        const Index begin = part * each;
        join_lanes(lanes.first, n_lanes, size, begin, begin + each < size ? begin + each : size);
    });
}

struct PassMemory {
    double *weights, *tables;
    Pieces lanes, threads;
};

template <class Op>
void pass(const Design& design, const Linear& linear, const Op& op, double* const* outputs, double* sums,
          Workspace& workspace, int n_threads) {
    const PassShape<Op> shape(design);
    const Index n_lanes = design.plan.n_lanes, team = n_threads < n_lanes ? n_threads : n_lanes;
    const Index thread_size = size_of([&](Arena& arena) { return shape.cut_tile(arena); });
    const PassMemory memory = cut_from(workspace, [&](Arena& arena) {
        PassMemory m{};
        m.weights = arena.cut(shape.width);
        m.tables = arena.cut(shape.n_tables);
        m.lanes = arena.cut_pieces(n_lanes, shape.lane_size());
        m.threads = arena.cut_pieces(team, thread_size);
        return m;
    });
    for (Index j = 0; j < design.n_columns; j++) memory.weights[j] = linear.coef[j];  // beside the sums, on their pages
    fill_tables(design, linear.coef, memory.tables);
    const Linear near{memory.weights, linear.intercept, linear.offset};
    parallel(n_lanes, int(team), [&](Index lane, int thread) {
        Arena arena(memory.threads[thread]);
        TileBuffers t = shape.cut_tile(arena);
        t.tables = memory.tables;
        pass_lane(design, near, op, shape, t, lane, memory.lanes[lane]);
    });
    join_in_parts(memory.lanes, n_lanes, n_threads);
    const double* total = memory.lanes[0];
    for (int q = 0; q < Op::n_outputs; q++, total += shape.width)
        for (Index j = 0; j < design.n_columns; j++) outputs[q][j] = total[j];
    for (int k = 0; k < Op::n_sums; k++) sums[k] = total[k];
}

}  // namespace
}  // namespace logloss::LOGLOSS_ISA
