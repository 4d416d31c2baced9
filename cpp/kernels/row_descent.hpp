// An epoch of stochastic gradient descent, a few rows a step:
//
//   w <- flow(clip(w - t_k (1/b) sum r x)),   sums over the b rows of the step,   t_k given for each step
//
// clip keeps w within its bounds; flow is what the penalty alone does to it in the time t_k (row_lag.hpp). It can wait:
// a coefficient that no row needs for a while then flows for the sum of the steps meanwhile. Sparse rows do so; dense
// rows need every coefficient every time. Where an average is kept, the points after every `every`-th step go into it.
#pragma once

#include "row_lag.hpp"
#include "row_reader.hpp"

namespace logloss::LOGLOSS_ISA {
namespace {

// Residuals of up to `batch` rows and the point are all that a step needs.
struct Flowing {
    double* w;
    double* time;  // to which each coefficient has flown
    const Penalties& penalty;
    Index width;

    INLINE_MEMBER V flown(V w_j, V elapsed, V l2, V l1, V low, V high) const {
        if (!penalty.bounded) return flow(w_j, elapsed, l2, l1);
        return clip(flow(clip(w_j, low, high), elapsed, l2, l1), low, high);
    }

    INLINE_MEMBER V flown(Index j, V w_j, V elapsed) const {
        return flown(w_j, elapsed, load(penalty.l2 + j), load(penalty.l1 + j), load(penalty.lower + j),
                     load(penalty.upper + j));
    }

    void all(double now) const {
        for (Index j = 0; j < width; j += W) {
            store(w + j, flown(j, load(w + j), now - load(time + j)));
            store(time + j, splat(now));
        }
    }

    void one(Index j, double now) const {
        if (time[j] == now) return;
        const double l2 = penalty.l2[j], l1 = penalty.l1[j], elapsed = now - time[j];
        time[j] = now;
        if (l2 == 0 && l1 == 0 && !penalty.bounded) return;
        w[j] = flown(splat(w[j]), splat(elapsed), splat(l2), splat(l1), splat(penalty.lower[j]),
                     splat(penalty.upper[j]))[0];
    }
};

inline void take_average(const Descent& a, const double* w, Index width, Index count) {
    const double share = 1.0 / double(count);
    for (Index j = 0; j < width; j += W)
        store(a.average + j, load(a.average + j) + (load(w + j) - load(a.average + j)) * share);
}

template <class T>
void descend_rows(const DenseRows<T>& rows, const Observations& data, const Penalties& penalty, const Draws& draws,
                  Descent& a, Workspace& workspace) {
    const Index width = rows.width;
    double *g = workspace.take(std::size_t(width)), *w = a.beta;
    const bool plain = penalty.smooth && !penalty.shrinks;
    const Flowing flowing{w, nullptr, penalty, width};
    for (Index t = 0, k = 0; t < draws.n; k++) {
        const Index end = t + a.batch < draws.n ? t + a.batch : draws.n;
        const double step = a.steps[k] / double(end - t);
        for (Index j = 0; j < width; j++) g[j] = 0.0;
        for (; t < end; t++) {
            const Index i = draws.order[t];
            fetch_ahead(rows, data, draws, t);
            const double z = rows.dot(i, w) + (data.offset ? data.offset[i] : 0.0);
            rows.add(i, residual_of(z, data.y[i]), g);
        }
        for (Index j = 0; j < width; j += W) {
            const V moved = load(w + j) - load(g + j) * step;
            store(w + j, plain ? moved : flowing.flown(j, moved, splat(a.steps[k])));
        }
        if (a.average && (k + 1) % a.every == 0) take_average(a, w, width, ++a.count);
    }
}

template <class T, class I>
void descend_rows(const SparseRows<T, I>& rows, const Observations& data, const Penalties& penalty, const Draws& draws,
                  Descent& a, Workspace& workspace) {
    const Index width = rows.width;
    double *time = workspace.take(std::size_t(width)), *r = workspace.take(std::size_t(a.batch)), *w = a.beta;
    for (Index j = 0; j < width; j++) time[j] = 0.0;
    const Flowing flowing{w, time, penalty, width};
    double now = 0;
    for (Index t = 0, k = 0; t < draws.n; k++) {
        const Index end = t + a.batch < draws.n ? t + a.batch : draws.n;
        const double step = a.steps[k] / double(end - t);
        if (rows.intercept) flowing.one(rows.d, now);
        for (Index q = t; q < end; q++) {
            const Index i = draws.order[q];
            fetch_ahead(rows, data, draws, q);
            for (Index e = rows.begin(i); e < rows.end(i); e++) flowing.one(rows.x.indices[e], now);
            r[q - t] = residual_of(rows.dot(i, w) + (data.offset ? data.offset[i] : 0.0), data.y[i]);
        }
        for (Index q = t; q < end; q++) rows.add(draws.order[q], -step * r[q - t], w);
        now += a.steps[k];
        t = end;
        if (a.average && (k + 1) % a.every == 0) {
            flowing.all(now);
            take_average(a, w, width, ++a.count);
        }
    }
    flowing.all(now);
}

void descend(const RowTable& table, const Observations& data, const Penalties& penalty, const Draws& draws, Descent& a,
             Workspace& workspace) {
    with_rows(table, workspace, [&](const auto& rows) { descend_rows(rows, data, penalty, draws, a, workspace); });
}

}  // namespace
}  // namespace logloss::LOGLOSS_ISA
