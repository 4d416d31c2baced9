// An epoch of SAG or SAGA: row by row in a given order, with the last residual r_i of each row and their mean gradient
// g = (1/S) sum s_i r_i x_i, which each row keeps up to date:
//
//   D = r(new) - r_i,   w <- prox(w - t (k D x + g)),   g += (s_i/S) D x,   r_i = r(new)
//
// SAGA: k = 1, as rows are drawn with probability s_i/S. SAG: k = s_i/S, the step along the mean after it is updated.
// prox takes the whole penalty: soft threshold t a, divided by 1 + t l, clipped to the bounds.
//
// Dense rows do so for all coefficients. A sparse row brings those that it needs up to date (row_lag.hpp) and leaves
// their step to the next row that needs them: with w - t (k - s_i/S) D x in place of w and the new g, that step is the
// right one.
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
        const double change = r - a.residuals[i], kick = a.step * change * (a.saga ? 1.0 : share),
                     into = share * change;
        a.residuals[i] = r;
        for (Index j = 0; j < width; j += W) {
            const V x = load(rows.row + j), gj = load(g + j);
            store(w + j, prox<smooth>(load(w + j) - x * kick - gj * a.step, load(shrink + j), penalty, a.step, j));
            store(g + j, gj + x * into);
        }
    }
}

struct alignas(32) Slot {  // what rows need of one coefficient, half a line of memory
    double w, g;
    Index last;  // draws until it was brought up to date
    double inverse;
};

struct Reach {
    double keep, reach;
};

// The coefficients of sparse rows. Where all columns share an l2, `table` holds the closed form for every number of
// steps.
template <bool smooth>
struct Slots {
    Slot* slots;
    const double* decay;
    const Reach* table;
    const Penalties& penalty;
    double step;

    Reach reach(Index j, Index k) const {
        if (table) return table[k];
        const Path p = path(splat(double(k)), splat(decay[j]), splat(penalty.l2[j]), step);
        return {p.keep[0], p.reach[0]};
    }

    // w of a coefficient after all steps before `now`
    INLINE_MEMBER double catch_up(Index j, Index now) const {
        Slot& s = slots[j];
        const Index k = now - s.last;
        s.last = now;
        const Reach r = reach(j, k);
        if constexpr (smooth) {
            s.w = r.keep * s.w - r.reach * s.g;
        } else if (k > 0) {
            const double l1 = penalty.l1[j], old = s.w;
            const double sign = old > 0 ? 1.0 : old < 0 ? -1.0 : s.g < -l1 ? 1.0 : s.g > l1 ? -1.0 : 0.0;
            s.w = sign == 0 ? 0.0 : r.keep * old - r.reach * (s.g + l1 * sign);
            if (penalty.bounded || s.w * sign < 0)
                s.w = missed_steps(old, double(k),
                                   {s.g, penalty.l2[j], decay[j], l1, penalty.lower[j], penalty.upper[j]}, step);
        }
        return s.w;
    }
};

template <class T, class I>
INLINE void fetch_slots(const SparseRows<T, I>& rows, const Draws& draws, Index t, const Slot* slots) {
    if (t >= draws.n) return;
    const Index i = draws.order[t];
    for (Index k = rows.begin(i), end = rows.end(i); k < end; k++) __builtin_prefetch(slots + rows.x.indices[k], 1);
}

// The table, or null where the columns differ.
inline const Reach* shared_table(const Penalties& penalty, double step, Index d, Index n, Workspace& workspace) {
    for (Index j = 1; j < d; j++)
        if (penalty.l2[j] != penalty.l2[0]) return nullptr;
    const V l2 = splat(d ? penalty.l2[0] : 0.0), decay = splat(__builtin_log1p(step * l2[0]));
    Reach* table = reinterpret_cast<Reach*>(workspace.take(std::size_t(2 * (n + W))));
    for (Index k = 0; k <= n; k += W) {
        V steps{};
        for (int q = 0; q < W; q++) steps[q] = double(k + q);
        const Path p = path(steps, decay, l2, step);
        for (int q = 0; q < W; q++) table[k + q] = {p.keep[q], p.reach[q]};
    }
    return table;
}

// x'.w of a row, its coefficients brought up to date; two sums, as each addition waits for the one before
template <bool smooth, class T, class I>
INLINE double lagged_dot(const SparseRows<T, I>& rows, Index i, Index now, const Slots<smooth>& all) {
    double a = 0, b = 0;
    Index k = rows.begin(i);
    const Index end = rows.end(i);
    const auto product = [&](Index q) {
        const Index j = rows.x.indices[q];
        return double(rows.x.values[q]) * all.slots[j].inverse * all.catch_up(j, now);
    };
    for (; k + 2 <= end; k += 2) {
        a += product(k);
        b += product(k + 1);
    }
    if (k < end) a += product(k);
    return a + b;
}

// Lays the coefficients of the columns out, all up to date.
template <class T, class I>
Slot* start_slots(const SparseRows<T, I>& rows, const Penalties& penalty, const Averaged& a, double* decay,
                  Workspace& workspace) {
    Slot* slots = reinterpret_cast<Slot*>(workspace.take(std::size_t(rows.d + 1) * sizeof(Slot) / sizeof(double)));
    for (Index j = 0; j < rows.d; j++) {
        slots[j] = {a.beta[j], a.mean[j], 0, rows.inverse[j]};
        decay[j] = __builtin_log1p(a.step * penalty.l2[j]);
    }
    return slots;
}

// The step of a row's columns but for the part that `catch_up` takes, and their mean gradients
template <class T, class I>
INLINE void update_slots(const SparseRows<T, I>& rows, Index i, double aside, double into, Slot* slots) {
    for (Index k = rows.begin(i), end = rows.end(i); k < end; k++) {
        Slot& s = slots[rows.x.indices[k]];
        const double x = double(rows.x.values[k]) * s.inverse;
        s.w -= aside * x;
        s.g += into * x;
    }
}

template <bool smooth, class T, class I>
void sparse_averaged(const SparseRows<T, I>& rows, const Observations& data, const Penalties& penalty,
                     const Draws& draws, const Averaged& a, Workspace& workspace) {
    const Index d = rows.d;
    double* decay = workspace.take(std::size_t(d));
    Slot* slots = start_slots(rows, penalty, a, decay, workspace);
    const Slots<smooth> all{slots, decay, shared_table(penalty, a.step, d, draws.n, workspace), penalty, a.step};
    double ones = rows.intercept ? a.beta[d] : 0.0, ones_mean = rows.intercept ? a.mean[d] : 0.0;
    for (Index t = 0; t < draws.n; t++) {
        const Index i = draws.order[t];
        fetch_ahead(rows, data, draws, t);
        if (t + rows_ahead < draws.n) __builtin_prefetch(a.residuals + draws.order[t + rows_ahead], 1);
        fetch_slots(rows, draws, t + 2, slots);
        const double z = lagged_dot(rows, i, t, all) + ones + (data.offset ? data.offset[i] : 0.0);
        const double r = residual_of(z, data.y[i]), share = (data.weight ? data.weight[i] : 1.0) * a.scale;
        const double change = r - a.residuals[i], into = share * change, kick = a.saga ? change : into;
        a.residuals[i] = r;
        update_slots(rows, i, a.step * (kick - into), into, slots);
        if (rows.intercept) {
            ones -= a.step * (kick + ones_mean);
            ones_mean += into;
        }
    }
    for (Index j = 0; j < d; j++) {
        a.beta[j] = all.catch_up(j, draws.n);
        a.mean[j] = slots[j].g;
    }
    if (!rows.intercept) return;
    a.beta[d] = ones;
    a.mean[d] = ones_mean;
}

template <bool smooth, class T>
INLINE void run_averaged(const DenseRows<T>& rows, const Observations& data, const Penalties& penalty,
                         const Draws& draws, const Averaged& a, Workspace& workspace) {
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
