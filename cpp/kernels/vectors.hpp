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
RowGap row_gap(Index n_rows, const Observations& rows, const double* linear, const double* xi, double shift, double scale,
               Workspace& workspace, int n_threads) {
    double totals[2];
    sum_rows(n_rows, 2, totals, workspace, n_threads, [&](Index begin, Index end, double* sums) {
        V total{}, outside{};
        for (Index i = begin; i < end; i += W) {
            const Index n = end - i;
            const V s = load_weight(rows.weight, i, n), x = (load_some(xi + i, n) + shift) * scale;
            const V z = load_some(linear + i, n);
            const Probability p = probability(z);
            V up = -p.complement * x, down = p.p * x;
            if (scale != 1.0) {
                const V y = load_some(rows.y + i, n), other = 1.0 - y;
                const V fall = z >= 0.0 ? p.small : 1.0 / p.small, rise = z >= 0.0 ? 1.0 / p.small : p.small;
                up -= (1.0 - scale) * (other - (y == 0.0 ? V{} : y * fall));
                down += (1.0 - scale) * ((other == 0.0 ? V{} : other * rise) - y);
            }
            const bool near = all_near(up, down);  // so it is close to the optimum, and then much faster
            const V phi_up = near ? phi_near(up) : phi(up), phi_down = near ? phi_near(down) : phi(down);
            total += s == 0.0 ? V{} : s * (p.p * phi_up + p.complement * phi_down);
            const V least = up < down ? up : down, most = up < down ? down : up;
            const V beyond = most < 1e300 ? V{} : splat(1.0);  // e^|z| overflows: no bound, rather than a wrong one
            outside += s == 0.0 ? V{} : (least >= -1.0 ? beyond : splat(1.0));
        }
        sums[0] = sum(total);
        sums[1] = sum(outside);
    });
    return {totals[0], totals[1]};
}

// t = y + r' = p (1 - (1-p) x) and 1 - t = (1-p) (1 + p x): right in both tails, whatever the label
Margin dual_margin(Index n_rows, const Observations& rows, const double* linear, const double* xi, double shift,
                   const double* curved, Workspace& workspace, int n_threads) {
    const Index n_lanes = (n_rows + rows_per_lane - 1) / rows_per_lane + 1;
    double* least = workspace.take(std::size_t(n_lanes));
    for (Index lane = 0; lane < n_lanes; lane++) least[lane] = __builtin_inf();
    double totals[2];
    sum_rows(n_rows, 2, totals, workspace, n_threads, [&](Index begin, Index end, double* sums) {
        V pearson{}, total{}, smallest = splat(__builtin_inf());
        for (Index i = begin; i < end; i += W) {
            const Index n = end - i;
            const V s = load_weight(rows.weight, i, n), x = load_some(xi + i, n) + shift;
            const Probability p = probability(load_some(linear + i, n)), there = probability(load_some(curved + i, n));
            const V t = p.p * (1.0 - p.complement * x), rest = p.complement * (1.0 + p.p * x);
            const V r = absolute(residual(p, load_some(rows.y + i, n)) - p.p * p.complement * x);
            const V w = there.p * there.complement, ratio = s / w;
            const V nearest = t > 0.0 ? (rest > 0.0 ? (t < rest ? t : rest) : V{}) : V{};
            const V margin = w > 0.0 ? nearest * square_root(ratio) : V{};
            const V square = s * r * r / w;
            smallest = s == 0.0 ? smallest : (margin < smallest ? margin : smallest);
            pearson += s == 0.0 ? V{} : (r == 0.0 ? V{} : square);
            total += s == 0.0 ? V{} : s * r;
        }
        for (int k = 0; k < W; k++)
            if (smallest[k] < least[begin / rows_per_lane]) least[begin / rows_per_lane] = smallest[k];
        sums[0] = sum(pearson);
        sums[1] = sum(total);
    });
    for (Index lane = 1; lane < n_lanes; lane++)
        if (least[lane] < least[0]) least[0] = least[lane];
    return {least[0], totals[0], totals[1]};
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
