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

void step_losses(Index n_rows, const Observations& rows, const double* linear, const double* xi, const double* steps,
                 Index n_steps, double* losses, Workspace& workspace, int n_threads) {
    sum_rows(n_rows, n_steps, losses, workspace, n_threads, [&](Index begin, Index end, double* sums) {
        for (Index k = 0; k < n_steps; k++) {
            V total{};
            for (Index i = begin; i < end; i += W) {
                const Index n = end - i;
                const V z = load_some(linear + i, n) - load_some(xi + i, n) * steps[k];
                total += load_weight(rows.weight, i, n) * bce(z, load_some(rows.y + i, n), exp_nonpositive(-absolute(z)));
            }
            sums[k] = sum(total);
        }
    });
}

// The dual point c*r', r' = r - q*x with x = xi + shift. For t = y + c*r' = p + D:
//   D/p = -c (1-p) x - (1-c) r/p,   -D/(1-p) = c p x + (1-c) r/(1-p),   r/p = (1-y) - y e^-z,   r/(1-p) = (1-y) e^z - y
// so that t = p (1 + D/p) and 1 - t = (1-p) (1 - D/(1-p)) are right in both tails, whatever the label.
struct Moved { V up, down; };  // D/p, -D/(1-p)

INLINE Moved moved(const Probability& p, V z, V x, const double* y, Index n, double scale) {
    V up = -p.complement * x, down = p.p * x;
    if (scale != 1.0) {
        const V label = load_some(y, n), other = 1.0 - label;
        const V fall = z >= 0.0 ? p.small : 1.0 / p.small, rise = z >= 0.0 ? 1.0 / p.small : p.small;
        up -= (1.0 - scale) * (other - (label == 0.0 ? V{} : label * fall));
        down += (1.0 - scale) * ((other == 0.0 ? V{} : other * rise) - label);
    }
    return {up, down};
}

// t/p and (1-t)/(1-p) are at least c times this, so that a t which rounding has moved a little is still in (0, 1).
constexpr double strictly_inside = 1e-6;

RowGap row_gap(Index n_rows, const Observations& rows, const double* linear, const double* xi, double shift, double scale,
               Workspace& workspace, int n_threads) {
    double totals[2];
    const double lowest = strictly_inside * scale - 1.0;
    sum_rows(n_rows, 2, totals, workspace, n_threads, [&](Index begin, Index end, double* sums) {
        V total{}, outside{};
        for (Index i = begin; i < end; i += W) {
            const Index n = end - i;
            const V s = load_weight(rows.weight, i, n), z = load_some(linear + i, n);
            const Probability p = probability(z);
            const auto [up, down] = moved(p, z, (load_some(xi + i, n) + shift) * scale, rows.y + i, n, scale);
            const bool near = all_near(up, down);  // so it is close to the optimum, and then much faster
            const V phi_up = near ? phi_near(up) : phi(up), phi_down = near ? phi_near(down) : phi(down);
            total += s == 0.0 ? V{} : s * (p.p * phi_up + p.complement * phi_down);
            const V least = up < down ? up : down, most = up < down ? down : up;
            const V beyond = most < 1e300 ? V{} : splat(1.0);  // e^|z| overflows: no bound, rather than a wrong one
            outside += s == 0.0 ? V{} : (least >= lowest ? beyond : splat(1.0));
        }
        sums[0] = sum(total);
        sums[1] = sum(outside);
    });
    return {totals[0], totals[1]};
}

// The least and the largest over lanes of rows, beside sums: each lane keeps its own.
constexpr int n_extremes = 2;

// |log(1 + a) - log(1 + b)|, from above: no logarithm is needed
INLINE V log_ratio(V a, V b) {
    const V low_a = a < 0.0 ? 1.0 + a : splat(1.0), low_b = b < 0.0 ? 1.0 + b : splat(1.0);
    return absolute(a) / low_a + absolute(b) / low_b;
}

Margin dual_margin(Index n_rows, const Observations& rows, const double* linear, const double* xi, double shift, double scale,
                   const double* curved, Workspace& workspace, int n_threads) {
    const Index n_lanes = (n_rows + rows_per_lane - 1) / rows_per_lane + 1;
    double* extremes = workspace.take(std::size_t(n_extremes * n_lanes));
    for (Index lane = 0; lane < n_lanes; lane++) {
        extremes[n_extremes * lane] = __builtin_inf();
        extremes[n_extremes * lane + 1] = 0.0;
    }
    double totals[3];
    sum_rows(n_rows, 3, totals, workspace, n_threads, [&](Index begin, Index end, double* sums) {
        V pearson{}, total{}, square{}, smallest = splat(__builtin_inf()), steepest{};
        for (Index i = begin; i < end; i += W) {
            const Index n = end - i;
            const V s = load_weight(rows.weight, i, n), z = load_some(linear + i, n), x = load_some(xi + i, n) + shift;
            const Probability p = probability(z), there = probability(load_some(curved + i, n));
            const auto [up, down] = moved(p, z, x * scale, rows.y + i, n, scale);
            const V t = p.p * (1.0 + up), rest = p.complement * (1.0 + down);
            const V r = absolute(scale * (residual(p, load_some(rows.y + i, n)) - p.p * p.complement * x));
            const V w = there.p * there.complement, ratio = s / w;
            const V nearest = t > 0.0 ? (rest > 0.0 ? (t < rest ? t : rest) : V{}) : V{};
            const V margin = w > 0.0 ? nearest * square_root(ratio) : V{};
            const V steep = w > 0.0 ? w / nearest : V{};  // where w is 0, t stays where it is
            const V moves = log_ratio(up, down), r_square = s * r * r / w, m_square = s * w * moves * moves;
            smallest = s == 0.0 ? smallest : (margin < smallest ? margin : smallest);
            steepest = s == 0.0 ? steepest : (steep > steepest ? steep : steepest);
            pearson += s == 0.0 ? V{} : (r == 0.0 ? V{} : r_square);
            square += s == 0.0 ? V{} : m_square;
            total += s == 0.0 ? V{} : s * r;
        }
        double* own = extremes + n_extremes * (begin / rows_per_lane);
        for (int k = 0; k < W; k++) {
            if (smallest[k] < own[0]) own[0] = smallest[k];
            if (steepest[k] > own[1]) own[1] = steepest[k];
        }
        sums[0] = sum(pearson);
        sums[1] = sum(total);
        sums[2] = sum(square);
    });
    for (Index lane = 1; lane < n_lanes; lane++) {
        const double* own = extremes + n_extremes * lane;
        if (own[0] < extremes[0]) extremes[0] = own[0];
        if (own[1] > extremes[1]) extremes[1] = own[1];
    }
    return {extremes[0], totals[0], totals[1], totals[2], extremes[1]};
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

void bernoulli(const double* z, const double* y, Index n, double* loss, double* slope, double* curvature) {
    for (Index i = 0; i < n; i += W) {
        const V zi = load_some(z + i, n - i), yi = load_some(y + i, n - i);
        const Probability p = probability(zi);
        store_some(loss + i, bce(zi, yi, p.small), n - i);
        store_some(slope + i, residual(p, yi), n - i);
        store_some(curvature + i, p.p * p.complement, n - i);
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
