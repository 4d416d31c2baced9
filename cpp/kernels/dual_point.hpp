// Sums over rows of the dual point of a certificate, at z and xi that a pass has kept.
//
// The point is c*r', r' = r - q*x with x = xi + shift. For t = y + c*r' = p + D:
//   D/p = -c (1-p) x - (1-c) r/p,   -D/(1-p) = c p x + (1-c) r/(1-p),   r/p = (1-y) - y e^-z,   r/(1-p) = (1-y) e^z - y
// so that t = p (1 + D/p) and 1 - t = (1-p) (1 - D/(1-p)) are right in both tails, whatever the label.
#pragma once

#include "vectors.hpp"

namespace logloss::LOGLOSS_ISA {
namespace {

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

RowGap row_gap(Index n_rows, const Observations& rows, const double* linear, const double* xi, double shift,
               double scale, Workspace& workspace, int n_threads) {
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

// |log(1 + a) - log(1 + b)|, from above: no logarithm is needed
INLINE V log_ratio(V a, V b) {
    const V low_a = a < 0.0 ? 1.0 + a : splat(1.0), low_b = b < 0.0 ? 1.0 + b : splat(1.0);
    return absolute(a) / low_a + absolute(b) / low_b;
}

// The least and the largest over lanes of rows, beside sums: each lane keeps its own.
struct Extremes {
    double least = __builtin_inf(), steepest = 0.0;

    void take(double low, double high) {
        if (low < least) least = low;
        if (high > steepest) steepest = high;
    }
};

struct MarginSums {  // of some rows, see Margin
    V least = splat(__builtin_inf()), steepest{}, pearson{}, absolute{}, square{};

    // Weights s, w, |u| = r, the smaller of t and 1 - t, and how far the log odds move. A row without weight counts for
    // nothing, whatever stands in it.
    INLINE_MEMBER void add(V s, V w, V r, V nearest, V moves) {
        const V ratio = s / w;
        const V margin = w > 0.0 ? nearest * square_root(ratio) : V{};
        const V steep = w > 0.0 ? w / nearest : V{};  // where w is 0, t stays where it is
        const V r_square = s * r * r / w, m_square = s * w * moves * moves;
        least = s == 0.0 ? least : (margin < least ? margin : least);
        steepest = s == 0.0 ? steepest : (steep > steepest ? steep : steepest);
        pearson += s == 0.0 ? V{} : (r == 0.0 ? V{} : r_square);
        square += s == 0.0 ? V{} : m_square;
        absolute += s == 0.0 ? V{} : s * r;
    }
};

// The smaller of t and 1 - t, 0 where t leaves (0, 1)
INLINE V nearest_end(V t, V rest) { return t > 0.0 ? (rest > 0.0 ? (t < rest ? t : rest) : V{}) : V{}; }

Margin dual_margin(Index n_rows, const Observations& rows, const double* linear, const double* xi, double shift,
                   double scale, const double* curved, Workspace& workspace, int n_threads) {
    const Index n_lanes = (n_rows + rows_per_lane - 1) / rows_per_lane + 1;
    Extremes* extremes = cut_from(workspace, [&](Arena& arena) { return arena.cut<Extremes>(n_lanes); });
    for (Index lane = 0; lane < n_lanes; lane++) extremes[lane] = Extremes{};
    double totals[3];
    sum_rows(n_rows, 3, totals, workspace, n_threads, [&](Index begin, Index end, double* sums) {
        MarginSums kept;
        for (Index i = begin; i < end; i += W) {
            const Index n = end - i;
            const V s = load_weight(rows.weight, i, n), z = load_some(linear + i, n), x = load_some(xi + i, n) + shift;
            const Probability p = probability(z), there = probability(load_some(curved + i, n));
            const auto [up, down] = moved(p, z, x * scale, rows.y + i, n, scale);
            const V t = p.p * (1.0 + up), rest = p.complement * (1.0 + down);
            const V r = absolute(scale * (residual(p, load_some(rows.y + i, n)) - p.p * p.complement * x));
            kept.add(s, there.p * there.complement, r, nearest_end(t, rest), log_ratio(up, down));
        }
        Extremes& own = extremes[begin / rows_per_lane];
        for (int k = 0; k < W; k++) own.take(kept.least[k], kept.steepest[k]);
        sums[0] = sum(kept.pearson);
        sums[1] = sum(kept.absolute);
        sums[2] = sum(kept.square);
    });
    Extremes all;
    for (Index lane = 0; lane < n_lanes; lane++) all.take(extremes[lane].least, extremes[lane].steepest);
    return {all.least, totals[0], totals[1], totals[2], all.steepest};
}

}  // namespace
}  // namespace logloss::LOGLOSS_ISA
