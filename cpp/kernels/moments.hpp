// Weighted sums of x and of (x - c)^2 by column: what centring and scaling need. One read.
#pragma once

#include "pass.hpp"

namespace logloss::LOGLOSS_ISA {
namespace {

template <class T>
void rows_moments(const T* x, Index row_stride, Index column_stride, Index m, Index d, const double* weight,
                  const double* c, double* first, double* second) {
    for (Index i = 0; i < m; i++) {
        const double s = weight ? weight[i] : 1.0;
        for (Index j = 0; j < d; j++) {
            const double value = double(x[i * row_stride + j * column_stride]), away = value - c[j];
            first[j] += s * value;
            second[j] += s * away * away;
        }
    }
}

template <class T>
void column_moments(const T* x, Index m, const double* weight, double c, double& first, double& second) {
    V a{}, b{};
    for (Index i = 0; i < m; i += W) {
        const Index n = m - i;
        V value{};
        if (n >= W)
            value = load(x + i);
        else
            for (Index k = 0; k < n; k++) value[k] = double(x[i + k]);
        const V s = load_weight(weight, i, n), away = value - c;
        a += s * value;
        b += s * away * away;
    }
    first += sum(a);
    second += sum(b);
}

template <class T, class I>
void csr_moments(const Sparse<T, I>& x, Index row, Index m, const double* weight, double* first, double* second) {
    for (Index i = 0; i < m; i++) {
        const double s = weight ? weight[i] : 1.0;
        for (Index k = x.pointers[row + i], end = x.pointers[row + i + 1]; k < end; k++) {
            const double value = double(x.values[k]);
            first[x.indices[k]] += s * value;
            second[x.indices[k]] += s * value * value;
        }
    }
}

template <class T, class I>
void csc_moments(const Sparse<T, I>& x, Index* next, Index row, Index m, Index d, const double* weight, double* first,
                 double* second) {
    for (Index j = 0; j < d; j++) {
        const Index end = x.pointers[j + 1];
        for (Index k = next[j]; k < end && Index(x.indices[k]) < row + m; k++) {
            const double s = weight ? weight[x.indices[k] - row] : 1.0, value = double(x.values[k]);
            first[j] += s * value;
            second[j] += s * value * value;
        }
    }
}

template <class T>
void nullable_moments(const Block& b, Index row, Index m, const double* weight, const double* c, double* first,
                      double* second) {
    const double center[2] = {c[0], b.n_columns == 2 ? c[1] : 0.0};
    V a[2] = {}, q[2] = {};
    double a_one[2] = {}, q_one[2] = {};
    each_nullable<T>(
        b, row, m,
        [&](Index i, V x, V missing) {
            const V s = weight ? load(weight + i) : splat(1.0), value[2] = {x, missing};
            for (int k = 0; k < 2; k++) {
                a[k] += s * value[k];
                q[k] += s * (value[k] - center[k]) * (value[k] - center[k]);
            }
        },
        [&](Index i, double x, double missing) {
            const double s = weight ? weight[i] : 1.0, value[2] = {x, missing};
            for (int k = 0; k < 2; k++) {
                a_one[k] += s * value[k];
                q_one[k] += s * (value[k] - center[k]) * (value[k] - center[k]);
            }
        });
    for (Index k = 0; k < b.n_columns; k++) {
        first[k] += sum(a[k]) + a_one[k];
        second[k] += sum(q[k]) + q_one[k];
    }
}

struct MomentBuffers {
    Index* next;        // csc blocks: the first entry of each column in the tile
    double* by_code;    // blocks of codes: sums of weights
    const double* ones; // (tile_rows)
};

// c is not used for sparse columns: they are not centred, as that would fill them.
inline void tile_moments(const Design& design, const MomentBuffers& buffers, Index row, Index m, const double* weight,
                         const double* center, double* first, double* second) {
    Index* next = buffers.next;
    double* by_code = buffers.by_code;
    for (Index k = 0; k < design.n_blocks; k++) {
        const Block& b = design.blocks[k];
        const Index at = b.first_column, d = b.n_columns;
        if (b.storage == Storage::codes) {
            with_codes(b, [&](auto* codes) {
                codes_accumulate(codes + row, m, b.n_codes, weight ? weight : buffers.ones, by_code,
                                 design.plan.tile_rows);
            });
            by_code += code_sums_size(b);
            continue;
        }
        if (b.storage == Storage::csr || b.storage == Storage::csc) {
            with_sparse(b, [&](const auto& x) {
                if (b.storage == Storage::csr)
                    csr_moments(x, row, m, weight, first + at, second + at);
                else
                    csc_moments(x, next, row, m, d, weight, first + at, second + at);
            });
            if (b.storage == Storage::csc) next += d;
            continue;
        }
        with_type(b.type, [&](auto* type) {
            using T = std::remove_const_t<std::remove_pointer_t<decltype(type)>>;
            const T* x = static_cast<const T*>(b.data);
            if (b.storage == Storage::nullable)
                nullable_moments<T>(b, row, m, weight, center + at, first + at, second + at);
            else if (b.storage == Storage::columns)
                for (Index j = 0; j < d; j++)
                    column_moments(static_cast<const T*>(b.column_data[j]) + row, m, weight, center[at + j],
                                   first[at + j], second[at + j]);
            else if (b.storage == Storage::rows)
                rows_moments(x + row * b.row_stride, b.row_stride, Index(1), m, d, weight, center + at, first + at,
                             second + at);
            else
                rows_moments(x + row * b.row_stride, b.row_stride, b.column_stride, m, d, weight, center + at,
                             first + at, second + at);
        });
    }
}

struct MomentMemory {  // of a thread
    double* near;      // sums of x and of squares since the last drain, each `width`
    double *ones, *by_code;
    Index* next;
};

// What a lane of rows does, and of which sizes its memory is.
struct MomentShape {
    Index width, n_ones, n_coded, n_next;

    explicit MomentShape(const Design& design)
        : width(padded(design.n_columns)), n_ones(0), n_coded(code_sums_size(design)), n_next(next_size(design)) {
        if (n_coded) n_ones = padded(design.plan.tile_rows);
    }

    Index lane_size() const { return 2 * width; }

    MomentMemory cut(Arena& arena) const {
        MomentMemory m{};
        m.near = arena.cut(lane_size());
        m.ones = arena.cut(n_ones);
        m.by_code = arena.cut(n_coded);
        m.next = arena.cut<Index>(n_next);
        return m;
    }

    void drain_sums(const Design& design, const MomentMemory& m, double* far) const {
        fold_codes(design, m.by_code, [&](Index j, double total) {
            m.near[j] += total;
            m.near[width + j] += total;
        });
        drain(m.near, far, lane_size());
    }
};

inline void moments_lane(const Design& design, const double* weight, const double* center, const MomentShape& shape,
                         const MomentMemory& m, Index lane, double* far) {
    const Plan& plan = design.plan;
    const Index drain_every = tiles_per_drain(design);
    const MomentBuffers buffers{m.next, m.by_code, m.ones};
    clear(m.near, shape.lane_size());
    clear(far, shape.lane_size());
    clear(m.by_code, shape.n_coded);
    for (Index i = 0; i < shape.n_ones; i++) m.ones[i] = 1.0;
    start_lane(design, lane, m.next);
    Index done = 0;
    for (Index k = plan.lane_begin(lane), end = plan.lane_begin(lane + 1); k < end; k++) {
        const Index row = k * plan.tile_rows, rows = plan.rows_of(k, design.n_rows);
        tile_moments(design, buffers, row, rows, weight ? weight + row : nullptr, center, m.near, m.near + shape.width);
        if (shape.n_next) finish_tile(design, row + rows, m.next);
        if (++done % drain_every == 0) shape.drain_sums(design, m, far);
    }
    shape.drain_sums(design, m, far);
}

void moments(const Design& design, const double* weight, const double* center, double* mean_sum, double* square_sum,
             Workspace& workspace, int n_threads) {
    const MomentShape shape(design);
    const Index n_lanes = design.plan.n_lanes, team = n_threads < n_lanes ? n_threads : n_lanes;
    const Index thread_size = size_of([&](Arena& arena) { return shape.cut(arena); });
    struct Memory {
        Pieces lanes, threads;
    };
    const Memory memory = cut_from(workspace, [&](Arena& arena) {
        Memory m{};
        m.lanes = arena.cut_pieces(n_lanes, shape.lane_size());
        m.threads = arena.cut_pieces(team, thread_size);
        return m;
    });
    parallel(n_lanes, int(team), [&](Index lane, int thread) {
        Arena arena(memory.threads[thread]);
        moments_lane(design, weight, center, shape, shape.cut(arena), lane, memory.lanes[lane]);
    });
    const double* lanes = memory.lanes.first;
    join_lanes(memory.lanes.first, n_lanes, shape.lane_size(), 0, shape.lane_size());
    for (Index j = 0; j < design.n_columns; j++) {
        mean_sum[j] = lanes[j];
        square_sum[j] = lanes[shape.width + j];
    }
}

}  // namespace
}  // namespace logloss::LOGLOSS_ISA
