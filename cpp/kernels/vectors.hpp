// Sums over row vectors that a pass has kept, and small helpers; no read of the data.
#pragma once

#include "pass.hpp"

namespace logloss::LOGLOSS_ISA {
namespace {

constexpr Index rows_per_lane = 8192;

// body(begin, end, sums) for lanes of rows; the lanes' sums are joined in the fixed tree.
template <class F>
void sum_rows(Index n_rows, Index n_sums, double* sums, Workspace& workspace, int n_threads, F&& body) {
    const Index n_lanes = n_rows > rows_per_lane ? (n_rows + rows_per_lane - 1) / rows_per_lane : 1;
    const Index width = padded(n_sums);
    double* lanes = workspace.take(std::size_t(n_lanes * width));
    parallel(n_lanes, n_threads, [&](Index lane, int) {
        const Index begin = lane * rows_per_lane;
        clear(lanes + lane * width, width);
        body(begin, begin + rows_per_lane < n_rows ? begin + rows_per_lane : n_rows, lanes + lane * width);
    });
    join_lanes(lanes, n_lanes, width, 0, n_sums);
    for (Index k = 0; k < n_sums; k++) sums[k] = lanes[k];
}

template <class Link>
void step_losses(Index n_rows, const Observations& rows, const double* linear, const double* xi, const double* steps,
                 Index n_steps, double* losses, Workspace& workspace, int n_threads) {
    sum_rows(n_rows, n_steps, losses, workspace, n_threads, [&](Index begin, Index end, double* sums) {
        for (Index k = 0; k < n_steps; k++) {
            V total{};
            for (Index i = begin; i < end; i += W) {
                const Index n = end - i;
                const V z = load_some(linear + i, n) - load_some(xi + i, n) * steps[k];
                total += load_weight(rows.weight, i, n) * Link::loss(z, load_some(rows.y + i, n), Link::at(z));
            }
            sums[k] = sum(total);
        }
    });
}

double dot(const double* a, const double* b, Index n) {
    V sums[4] = {};
    Index i = 0;
    for (; i + 4 * W <= n; i += 4 * W)
        for (int k = 0; k < 4; k++) sums[k] += load(a + i + k * W) * load(b + i + k * W);
    double s = sum((sums[0] + sums[1]) + (sums[2] + sums[3]));
    for (; i < n; i++) s += a[i] * b[i];
    return s;
}

template <class Link>
void bernoulli(const double* z, const double* y, Index n, double* loss, double* slope, double* curvature) {
    for (Index i = 0; i < n; i += W) {
        const V zi = load_some(z + i, n - i), yi = load_some(y + i, n - i);
        const auto p = Link::at(zi);
        store_some(loss + i, Link::loss(zi, yi, p), n - i);
        store_some(slope + i, Link::residual(p, yi), n - i);
        store_some(curvature + i, Link::curvature(p, splat(1.0)), n - i);
    }
}

// Reads memory as fast as the machine can: what a pass is measured against.
double stream_read(const double* x, Index n, Workspace& workspace, int n_threads) {
    double total;
    const Index chunk = Index(1) << 17;
    const Index n_lanes = (n + chunk - 1) / chunk;
    double* lanes = workspace.take(std::size_t(n_lanes));
    parallel(n_lanes, n_threads, [&](Index lane, int) {
        V sums[8] = {};
        Index i = lane * chunk;
        const Index end = i + chunk < n ? i + chunk : n;
        for (; i + 8 * W <= end; i += 8 * W)
            for (int k = 0; k < 8; k++) sums[k] += load(x + i + k * W);
        double s = 0;
        for (; i < end; i++) s += x[i];
        for (int k = 0; k < 8; k++) s += sum(sums[k]);
        lanes[lane] = s;
    });
    total = 0;
    for (Index lane = 0; lane < n_lanes; lane++) total += lanes[lane];
    return total;
}

}  // namespace
}  // namespace logloss::LOGLOSS_ISA
