// An epoch of SAG or SAGA: row by row in a given order, with the last residual r_i of each row and their mean gradient
// g = (1/S) sum s_i r_i x_i, which each row keeps up to date:
//
//   D = r(new) - r_i,   w <- prox(w - t (k D x + g)),   g += (s_i/S) D x,   r_i = r(new)
//
// SAGA: k = 1, as rows are drawn with probability s_i/S. SAG: k = s_i/S, the step along the mean after it is updated. prox
// takes the whole penalty: soft threshold t a, divided by 1 + t l, clipped to the bounds.
//
// Dense rows do so for all coefficients. A sparse row brings those that it needs up to date (row_lag.hpp) and leaves their
// step to the next row that needs them: with w - t (k - s_i/S) D x in place of w and the new g, that step is the right one.
#pragma once

#include "row_lag.hpp"
#include "row_reader.hpp"

namespace logloss::LOGLOSS_ISA {
namespace {

template <bool smooth>
INLINE V prox(V v, V shrink, const Penalties& penalty, double step, Index j) {
    if constexpr (smooth) return v * shrink;
    const V left = absolute(v) - load(penalty.l1 + j) * step;
    const V soft = (left > 0.0 ? (v < 0.0 ? -left : left) : V{}) * shrink;
    return clip(soft, load(penalty.lower + j), load(penalty.upper + j));
}

template <bool smooth, class T>
void dense_averaged(const DenseRows<T>& rows, const Observations& data, const Penalties& penalty, const Draws& draws,
                    const Averaged& a, Workspace& workspace) {
    const Index width = rows.width;
    double* shrink = workspace.take(std::size_t(width));
    for (Index j = 0; j < width; j++) shrink[j] = 1.0 / (1.0 + a.step * penalty.l2[j]);
    double *w = a.beta, *g = a.mean;
    for (Index t = 0; t < draws.n; t++) {
        const Index i = draws.order[t];
        fetch_ahead(rows, data, draws, t);
        if (t + rows_ahead < draws.n) __builtin_prefetch(a.residuals + draws.order[t + rows_ahead], 1);
        const double z = rows.dot(i, w) + (data.offset ? data.offset[i] : 0.0);
        const double r = residual_of(z, data.y[i]), share = (data.weight ? data.weight[i] : 1.0) * a.scale;
        const double change = r - a.residuals[i], kick = a.step * change * (a.saga ? 1.0 : share), into = share * change;
        a.residuals[i] = r;
        for (Index j = 0; j < width; j += W) {
            const V x = load(rows.row + j), gj = load(g + j);
            store(w + j, prox<smooth>(load(w + j) - x * kick - gj * a.step, load(shrink + j), penalty, a.step, j));
            store(g + j, gj + x * into);
        }
    }
}

struct alignas(64) Slot {  // all that a row needs of one coefficient, in one line of memory
    double w, g, last, inverse, l2, decay, l1, column;
};

template <bool smooth>
struct Slots {
    Slot* slots;
    const Penalties& penalty;
    double step;

    Missed missed(const Slot& s) const {
        const Index j = Index(s.column);
        return {s.g, s.l2, s.decay, s.l1, penalty.lower[j], penalty.upper[j]};
    }

    // w of up to W coefficients after all steps before `now`, written back; the rest of the vector is 0
    template <class At>
    INLINE_MEMBER V catch_up(Index n, double now, At&& at) const {
        alignas(64) double f[6][W] = {};
        for (Index q = 0; q < n; q++) {
            const Slot& s = slots[at(q)];
            f[0][q] = s.w;
            f[1][q] = s.g;
            f[2][q] = now - s.last;
            f[3][q] = s.decay;
            f[4][q] = s.l2;
            if constexpr (!smooth) f[5][q] = s.l1;
        }
        const V old = load(f[0]), g = load(f[1]), k = load(f[2]);
        const Path p = path(k, load(f[3]), load(f[4]), step);
        V w = p.keep * old;
        if constexpr (smooth) {
            w -= p.reach * g;
            store(f[0], w);
        } else {
            const V l1 = load(f[5]), one = splat(1.0);
            const V sign = old > 0.0 ? one : old < 0.0 ? -one : g < -l1 ? one : g > l1 ? -one : V{};
            w -= p.reach * (g + l1 * sign);
            w = sign == 0.0 ? V{} : w;
            const VI crossed = (w * sign < 0.0) & (k > 0.0);
            store(f[0], w);
            for (Index q = 0; q < n; q++)
                if (crossed[q] || (penalty.bounded && k[q] > 0))
                    f[0][q] = missed_steps(old[q], k[q], missed(slots[at(q)]), step);
            w = load(f[0]);
        }
        for (Index q = 0; q < n; q++) {
            Slot& s = slots[at(q)];
            s.w = f[0][q];
            s.last = now;
        }
        return w;
    }
};

template <bool smooth, class T, class I>
void sparse_averaged(const SparseRows<T, I>& rows, const Observations& data, const Penalties& penalty, const Draws& draws,
                     const Averaged& a, Workspace& workspace) {
    const Index d = rows.d;
    Slot* slots = reinterpret_cast<Slot*>(workspace.take(std::size_t(d + 1) * sizeof(Slot) / sizeof(double)));
    for (Index j = 0; j < d; j++)
        slots[j] = {a.beta[j], a.mean[j], 0.0, rows.inverse[j], penalty.l2[j], __builtin_log1p(a.step * penalty.l2[j]),
                    penalty.l1[j], double(j)};
    const Slots<smooth> all{slots, penalty, a.step};
    double ones = rows.intercept ? a.beta[d] : 0.0, ones_mean = rows.intercept ? a.mean[d] : 0.0;
    for (Index t = 0; t < draws.n; t++) {
        const Index i = draws.order[t];
        fetch_ahead(rows, data, draws, t);
        if (t + rows_ahead < draws.n) __builtin_prefetch(a.residuals + draws.order[t + rows_ahead], 1);
        const Index begin = rows.begin(i), end = rows.end(i);
        V products{};
        for (Index k = begin; k < end; k += W) {
            const I* index = rows.x.indices + k;
            const Index n = end - k < W ? end - k : W;
            alignas(64) double x[W] = {};
            for (Index q = 0; q < n; q++) x[q] = double(rows.x.values[k + q]) * slots[index[q]].inverse;
            products += load(x) * all.catch_up(n, double(t), [&](Index q) { return index[q]; });
        }
        const double z = sum(products) + ones + (data.offset ? data.offset[i] : 0.0);
        const double r = residual_of(z, data.y[i]), share = (data.weight ? data.weight[i] : 1.0) * a.scale;
        const double change = r - a.residuals[i], into = share * change, kick = a.saga ? change : into;
        a.residuals[i] = r;
        for (Index k = begin; k < end; k++) {
            Slot& s = slots[rows.x.indices[k]];
            const double x = double(rows.x.values[k]) * s.inverse;
            s.w -= a.step * (kick - into) * x;
            s.g += into * x;
        }
        if (rows.intercept) {
            ones -= a.step * (kick + ones_mean);
            ones_mean += into;
        }
    }
    for (Index j = 0; j < d; j += W) all.catch_up(d - j < W ? d - j : W, double(draws.n), [&](Index q) { return j + q; });
    for (Index j = 0; j < d; j++) {
        a.beta[j] = slots[j].w;
        a.mean[j] = slots[j].g;
    }
    if (rows.intercept) {
        a.beta[d] = ones;
        a.mean[d] = ones_mean;
    }
}

template <bool smooth, class T>
INLINE void run_averaged(const DenseRows<T>& rows, const Observations& data, const Penalties& penalty, const Draws& draws,
                         const Averaged& a, Workspace& workspace) {
    dense_averaged<smooth>(rows, data, penalty, draws, a, workspace);
}

template <bool smooth, class T, class I>
INLINE void run_averaged(const SparseRows<T, I>& rows, const Observations& data, const Penalties& penalty,
                         const Draws& draws, const Averaged& a, Workspace& workspace) {
    sparse_averaged<smooth>(rows, data, penalty, draws, a, workspace);
}

void averaged(const RowTable& table, const Observations& data, const Penalties& penalty, const Draws& draws,
              const Averaged& a, Workspace& workspace) {
    with_rows(table, workspace, [&](const auto& rows) {
        if (penalty.smooth)
            run_averaged<true>(rows, data, penalty, draws, a, workspace);
        else
            run_averaged<false>(rows, data, penalty, draws, a, workspace);
    });
}

}  // namespace
}  // namespace logloss::LOGLOSS_ISA
