// An epoch of Adam (Kingma & Ba, ICLR 2015, Algorithm 1), a few rows a step. For the gradient g of a step's rows and
// the penalty's, and t counted from 1 over all epochs:
//
//   m <- b1 m + (1 - b1) g,   v <- b2 v + (1 - b2) g^2,   w <- w - t_k (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + e)
#pragma once

#include "row_reader.hpp"

namespace logloss::LOGLOSS_ISA {
namespace {

inline void adam_step(const Adam& a, const Penalties& penalty, const double* g, double share, double step,
                      Index width) {
    const double t = double(a.done);
    const double first_bias = 1.0 / (1.0 - __builtin_pow(a.beta1, t)),
                 second_bias = 1.0 / (1.0 - __builtin_pow(a.beta2, t));
    for (Index j = 0; j < width; j += W) {
        const V w = load(a.beta + j), gj = load(g + j) * share + load(penalty.l2 + j) * w;
        const V m = load(a.first + j) * a.beta1 + gj * (1.0 - a.beta1);
        const V v = load(a.second + j) * a.beta2 + gj * gj * (1.0 - a.beta2);
        store(a.first + j, m);
        store(a.second + j, v);
        store(a.beta + j, w - step * (m * first_bias) / (square_root(v * second_bias) + a.epsilon));
    }
}

void adam(const RowTable& table, const Observations& data, const Penalties& penalty, const Draws& draws, Adam& a,
          Workspace& workspace) {
    const Index width = row_width(table);
    double* g = workspace.take(std::size_t(width));
    with_rows(table, workspace, [&](const auto& rows) {
        for (Index t = 0, k = 0; t < draws.n; k++) {
            const Index begin = t, end = t + a.batch < draws.n ? t + a.batch : draws.n;
            for (Index j = 0; j < width; j++) g[j] = 0.0;
            for (; t < end; t++) {
                const Index i = draws.order[t];
                fetch_ahead(rows, data, draws, t);
                const double z = rows.dot(i, a.beta) + (data.offset ? data.offset[i] : 0.0);
                rows.add(i, residual_of(z, data.y[i]), g);
            }
            a.done++;
            adam_step(a, penalty, g, 1.0 / double(end - begin), a.steps[k], width);
        }
    });
}

}  // namespace
}  // namespace logloss::LOGLOSS_ISA
