// Many steps of one coefficient at once, in closed form: what a coefficient of a sparse problem has missed while rows
// went by in which its column is 0. Each missed step is
//
//   w <- clip(soft(w - t g, t a) / (1 + t l), lo, hi)
//
// with t the step, g the mean gradient and a, l the penalties, all constant meanwhile.
// While w keeps its sign s it moves linearly, by w <- (w - t (g + a s)) rho with rho = 1/(1 + t l), so after k steps
//
//   w_k = rho^k w - reach (g + a s),   reach = t (rho + ... + rho^k) = (1 - rho^k) / l,   or t k where l = 0.
//
// Where |g| <= a zero holds it once it is there; else it goes through 0 at a step that a logarithm tells. The map is
// monotone in w, and so are its paths: clipping their end clips all of them, if w begins within the bounds.
#pragma once

#include "simd.hpp"

namespace logloss::LOGLOSS_ISA {
namespace {

INLINE V clip(V w, V low, V high) {
    const V above = w < low ? low : w;
    return above > high ? high : above;
}

struct Path {  // k steps of the linear map
    V keep, reach;
};

// `decay` = log(1 + t l) per step
INLINE Path path(V k, V decay, V l2, double step) {
    const V size = k * decay;
    const V keep = exp_nonpositive(-size);
    const V series = step * k * (1.0 - 0.5 * (size + decay));
    return {keep, size < 1e-6 ? series : (1.0 - keep) / l2};
}

struct Missed {  // of one coefficient
    double g, l2, decay, l1, lower, upper;
};

inline double linear_steps(double w, double slope, double k, const Missed& c, double step) {
    const double size = k * c.decay, keep = __builtin_exp(-size);
    const double reach = size < 1e-6 ? step * k * (1.0 - 0.5 * (size + c.decay)) : (1.0 - keep) / c.l2;
    return keep * w - reach * slope;
}

inline double clipped(double w, const Missed& c) { return w < c.lower ? c.lower : w > c.upper ? c.upper : w; }

inline double one_step(double w, const Missed& c, double step) {
    const double v = w - step * c.g, size = __builtin_fabs(v) - step * c.l1;
    return size > 0 ? __builtin_copysign(size, v) / (1.0 + step * c.l2) : 0.0;
}

// Steps towards 0, by `slope` each: up to a little before it at once, then one by one. Returns how many of k are left.
INLINE double approach_zero(double& w, double sign, double slope, double k, const Missed& c, double step) {
    const double far = c.decay > 0 ? __builtin_log1p(w * c.l2 / slope) / c.decay : w / (step * slope);
    double jump = __builtin_floor(far) - 1.0;
    jump = jump > k ? k : jump > 0 ? jump : 0.0;
    w = linear_steps(w, slope, jump, c, step);
    for (k -= jump; k > 0 && w * sign > 0; k--) w = one_step(w, c, step);
    return k;
}

// k >= 0 steps from any w
inline double missed_steps(double w, double k, const Missed& c, double step) {
    if (!(k > 0)) return w;
    w = clipped(one_step(w, c, step), c);  // it may have begun outside its bounds
    k -= 1;
    const bool held = __builtin_fabs(c.g) <= c.l1;  // at 0
    if (w != 0) {
        const double sign = w > 0 ? 1.0 : -1.0, slope = c.g + c.l1 * sign;
        if (slope * sign > 0) {
            k = approach_zero(w, sign, slope, k, c, step);
        } else {
            w = linear_steps(w, slope, k, c, step);
            k = 0;
        }
    }
    if (k > 0 && w == 0 && held) return clipped(0.0, c);
    if (k > 0) w = linear_steps(w, c.g + (c.g > 0 ? -c.l1 : c.l1), k, c, step);
    return clipped(w, c);
}

// What the penalty alone does to w in a time t: the flow w' = -l w - a sign(w), which stops at 0. Steps of it join
// exactly.
INLINE V flow(V w, V time, V l2, V l1) {
    const V size = time * l2;
    const V keep = exp_nonpositive(-size);
    const V reach = size < 1e-6 ? time * (1.0 - 0.5 * size) : (1.0 - keep) / l2;
    const V left = absolute(w) * keep - l1 * reach;
    return left > 0.0 ? (w < 0.0 ? -left : left) : V{};
}

}  // namespace
}  // namespace logloss::LOGLOSS_ISA
