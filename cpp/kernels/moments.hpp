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
void nullable_moments(const Block& b, Index row, Index m, const double* weight, const double* c, double* first, double* second) {
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
                codes_accumulate(codes + row, m, b.n_codes, weight ? weight : buffers.ones, by_code, design.plan.tile_rows);
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
                    column_moments(static_cast<const T*>(b.column_data[j]) + row, m, weight, center[at + j], first[at + j],
                                   second[at + j]);
            else if (b.storage == Storage::rows)
                rows_moments(x + row * b.row_stride, b.row_stride, Index(1), m, d, weight, center + at, first + at,
                             second + at);
            else
                rows_moments(x + row * b.row_stride, b.row_stride, b.column_stride, m, d, weight, center + at, first + at,
                             second + at);
        });
    }
}

void moments(const Design& design, const double* weight, const double* center, double* mean_sum, double* square_sum,
             Workspace& workspace, int n_threads) {
    const Plan& plan = design.plan;
    const Index width = padded(design.n_columns), lane_size = 2 * width, n_next = next_size(design);
    const Index team = n_threads < plan.n_lanes ? n_threads : plan.n_lanes;
    const Index n_coded = code_sums_size(design), n_ones = n_coded ? padded(plan.tile_rows) : 0;
    const Index thread_size = lane_size + n_next + n_coded + n_ones;
    double* lanes = workspace.take(std::size_t(plan.n_lanes * lane_size + team * thread_size));
    double* threads = lanes + plan.n_lanes * lane_size;
    const Index drain_every = tiles_per_drain(design);
    parallel(plan.n_lanes, int(team), [&](Index lane, int thread) {
        double* near = threads + thread * thread_size;
        double* far = lanes + lane * lane_size;
        double* ones = near + lane_size;
        double* by_code = ones + n_ones;
        Index* next = reinterpret_cast<Index*>(by_code + n_coded);
        const MomentBuffers buffers{next, by_code, ones};
        clear(near, lane_size);
        clear(far, lane_size);
        clear(by_code, n_coded);
        for (Index i = 0; i < n_ones; i++) ones[i] = 1.0;
        start_lane(design, lane, next);
        const auto drain_all = [&] {
            fold_codes(design, by_code, [&](Index j, double total) {
                near[j] += total;
                near[width + j] += total;
            });
            drain(near, far, lane_size);
        };
        Index done = 0;
        for (Index k = plan.lane_begin(lane), end = plan.lane_begin(lane + 1); k < end; k++) {
            const Index row = k * plan.tile_rows;
            const Index m = row + plan.tile_rows < design.n_rows ? plan.tile_rows : design.n_rows - row;
            tile_moments(design, buffers, row, m, weight ? weight + row : nullptr, center, near, near + width);
            if (n_next) finish_tile(design, row + m, next);
            if (++done % drain_every == 0) drain_all();
        }
        drain_all();
    });
    join_lanes(lanes, plan.n_lanes, lane_size, 0, lane_size);
    for (Index j = 0; j < design.n_columns; j++) {
        mean_sum[j] = lanes[j];
        square_sum[j] = lanes[width + j];
    }
}

}  // namespace
}  // namespace logloss::LOGLOSS_ISA
