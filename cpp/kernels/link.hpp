// The logistic link on a vector of rows.
//
//   p = sigmoid(z), q = p(1-p), r = p - y = (1-y) p - y (1-p): exact in both tails
//   loss = log(1 + e^-|z|) + (1-y) max(z, 0) + y max(-z, 0), with 0*inf = 0
#pragma once

#include "simd.hpp"

namespace logloss::LOGLOSS_ISA {
namespace {

struct Probability { V p, complement, small; };  // sigmoid(z), sigmoid(-z), e^-|z|

INLINE Probability probability(V z) {
    const V e = exp_nonpositive(-absolute(z));
    const V larger = 1.0 / (e + 1.0);
    const V smaller = e * larger;
    const VI positive = z >= 0.0;
    return {positive ? larger : smaller, positive ? smaller : larger, e};
}

INLINE V residual(const Probability& s, V y) { return (1.0 - y) * s.p - y * s.complement; }

// Curvature for a step that starts far from the optimum: q + |r| (w - q), w = tanh(|z|/2)/(2|z|) >= q. A row far on the
// wrong side has a loss that is nearly straight, q near 0, and would send Newton's step anywhere; w is its mean
// curvature on the way back to z = 0 and the curvature of a quadratic that touches the loss from above (Jaakkola &
// Jordan, Stat. Comput. 10, 2000). Rows that are told rightly keep q, so that steps stay long.
INLINE V secant_curvature(V z, V y, const Probability& s) {
    const V size = absolute(z), q = s.p * s.complement;
    const V w = size < 1e-4 ? splat(0.25) : (1.0 - s.small) / ((1.0 + s.small) * (size + size));
    return q + absolute(residual(s, y)) * (w - q);
}

INLINE V bce(V z, V y, V small) {
    const V slope = z >= 0.0 ? 1.0 - y : y;
    const V line = slope == 0.0 ? V{} : slope * absolute(z);
    return log1p_unit(small) + line;
}

// What passes ask of a link (ops.hpp, vectors.hpp): the loss of a row as a function of z and y, and its first two
// derivatives in z. Another link is another struct with these, in a file link_*.hpp.
struct Logistic {
    using At = Probability;  // what the three share, made once for each row
    static INLINE_MEMBER At at(V z) { return probability(z); }
    static INLINE_MEMBER V loss(V z, V y, const At& p) { return bce(z, y, p.small); }
    static INLINE_MEMBER V residual(const At& p, V y) { return LOGLOSS_ISA::residual(p, y); }
    static INLINE_MEMBER V curvature(const At& p, V s) { return s * p.p * p.complement; }  // times the weight
};

// phi(x) = (1+x) log(1+x) - x >= 0 for x >= -1, accurate near 0 where it is x^2/2: for |x| < 1e-2
INLINE V phi_near(V x) {
    V series = splat(1.0 / 90.0);
    series = series * -x + 1.0 / 72.0;
    series = series * -x + 1.0 / 56.0;
    series = series * -x + 1.0 / 42.0;
    series = series * -x + 1.0 / 30.0;
    series = series * -x + 1.0 / 20.0;
    series = series * -x + 1.0 / 12.0;
    series = series * -x + 1.0 / 6.0;
    series = series * -x + 0.5;
    return series * x * x;
}

INLINE V phi(V x) {
    const V series = phi_near(x);
    V direct{};
    for (int k = 0; k < W; k++)
        if (x[k] >= 1e-2 || x[k] <= -1e-2)
            direct[k] = x[k] <= -1.0 ? 1.0 : (1.0 + x[k]) * __builtin_log1p(x[k]) - x[k];
    return absolute(x) < 1e-2 ? series : direct;
}

INLINE bool all_near(V a, V b) {
    const V far = absolute(a) < 1e-2 ? (absolute(b) < 1e-2 ? V{} : splat(1.0)) : splat(1.0);
    return sum(far) == 0.0;
}

}  // namespace
}  // namespace logloss::LOGLOSS_ISA
