// An epoch of the perceptron (Rosenblatt 1958), row by row in a given order: a row on the wrong side of the boundary,
// where z = 0, moves it, w <- w + step (y - [z > 0]) x, others do nothing. A label counts as positive above 1/2.
//
// The pocket keeps the best weights (Gallant, IEEE Trans. Neural Networks 1, 1990, "with ratchet"): when weights have
// told more draws in a row rightly than those in the pocket had, their errors over all rows are counted, and fewer
// errors win. Weights that lose raise the bar for the rest of the epoch, so that few counts are made; the last weights
// are counted anyway.
#pragma once

#include "row_reader.hpp"

namespace logloss::LOGLOSS_ISA {
namespace {

template <class R>
INLINE bool is_wrong(const R& rows, const Observations& data, Index i, const double* w) {
    const double z = rows.dot(i, w) + (data.offset ? data.offset[i] : 0.0);
    return (z > 0) != (data.y[i] > 0.5);
}

// The weight of the rows told wrongly, or anything above `most` once it is above.
template <class R>
double count_errors(const R& rows, const Observations& data, Index n, const double* w, double most) {
    double errors = 0;
    for (Index i = 0; i < n && errors <= most; i++) {
        const double s = data.weight ? data.weight[i] : 1.0;
        if (s > 0 && is_wrong(rows, data, i, w)) errors += s;
    }
    return errors;
}

template <class R>
void offer_pocket(const R& rows, const Observations& data, Index n, Index width, Perceptron& a) {
    a.checks++;
    const double errors = count_errors(rows, data, n, a.beta, a.errors);
    if (!(errors < a.errors)) return;
    a.errors = errors;
    a.best_run = a.run;
    for (Index j = 0; j < width; j++) a.pocket[j] = a.beta[j];
}

void perceptron(const RowTable& table, const Observations& data, const Draws& draws, Perceptron& a,
                Workspace& workspace) {
    const Index width = row_width(table);
    with_rows(table, workspace, [&](const auto& rows) {
        Index bar = a.best_run;
        for (Index t = 0; t < draws.n; t++) {
            const Index i = draws.order[t];
            fetch_ahead(rows, data, draws, t);
            if (!is_wrong(rows, data, i, a.beta)) {
                a.run++;
                continue;
            }
            if (a.run > bar) {
                bar = a.run;
                offer_pocket(rows, data, table.n_rows, width, a);
            }
            rows.dot(i, a.beta);  // the pocket's count has read other rows since
            rows.add(i, data.y[i] > 0.5 ? a.step : -a.step, a.beta);
            a.run = 0;
            a.mistakes++;
        }
        offer_pocket(rows, data, table.n_rows, width, a);
    });
}

}  // namespace
}  // namespace logloss::LOGLOSS_ISA
