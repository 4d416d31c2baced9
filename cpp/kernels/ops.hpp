// The passes that solvers and certificates ask for, for any link (link.hpp).
#pragma once

#include "pass.hpp"

namespace logloss::LOGLOSS_ISA {
namespace {

struct PredictOp {
    static constexpr int n_outputs = 0, n_sums = 0;
    double* linear;
    void tile(Index row, Index m, double* z, double* const*, double*) const {
        for (Index i = 0; i < m; i++) linear[row + i] = z[i];
    }
};

template <class Link>
struct LossGradientOp {
    static constexpr int n_outputs = 1, n_sums = 3;
    Observations rows;
    double* linear;
    void tile(Index row, Index m, double* z, double* const* u, double* sums) const {
        V loss{}, slope{}, curvature{};
        for (Index i = 0; i < m; i += W) {
            const Index n = m - i;
            const V zi = load(z + i), y = load_some(rows.y + row + i, n), s = load_weight(rows.weight, row + i, n);
            const auto p = Link::at(zi);
            const V r = s * Link::residual(p, y);
            store(u[0] + i, r);
            loss += s * Link::loss(zi, y, p);
            slope += r;
            curvature += Link::curvature(p, s);
            if (linear) store_some(linear + row + i, zi, n);
        }
        sums[0] += sum(loss);
        sums[1] += sum(slope);
        sums[2] += sum(curvature);
    }
};

template <class Link>
struct ProductOp {
    static constexpr int n_outputs = 1, n_sums = 1;
    Observations rows;
    const double* linear;
    void tile(Index row, Index m, double* z, double* const* u, double* sums) const {
        V total{};
        for (Index i = 0; i < m; i += W) {
            const Index n = m - i;
            const auto p = Link::at(load_some(linear + row + i, n));
            const V q = Link::curvature(p, load_weight(rows.weight, row + i, n)) * load(z + i);
            store(u[0] + i, q);
            total += q;
        }
        sums[0] += sum(total);
    }
};

template <class Link>
struct DualOp {
    static constexpr int n_outputs = 2, n_sums = 2;
    Observations rows;
    const double* linear;
    double* xi;
    void tile(Index row, Index m, double* z, double* const* u, double* sums) const {
        V slope{}, curvature{};
        for (Index i = 0; i < m; i += W) {
            const Index n = m - i;
            const V x = load(z + i), y = load_some(rows.y + row + i, n), s = load_weight(rows.weight, row + i, n);
            const auto p = Link::at(load_some(linear + row + i, n));
            const V q = Link::curvature(p, s);
            const V r = s * Link::residual(p, y) - q * x;
            store(u[0] + i, r);
            store(u[1] + i, q);
            store_some(xi + row + i, x, n);
            slope += r;
            curvature += q;
        }
        sums[0] += sum(slope);
        sums[1] += sum(curvature);
    }
};

void predict(const Design& design, const double* coef, double intercept, const double* offset, double* linear,
             Workspace& workspace, int n_threads) {
    pass(design, {coef, intercept, offset}, PredictOp{linear}, nullptr, nullptr, workspace, n_threads);
}

template <class Link>
void loss_gradient(const Design& design, const Observations& rows, const double* coef, double intercept,
                   LossGradient& out, Workspace& workspace, int n_threads) {
    double sums[3];
    double* outputs[] = {out.gradient};
    const Linear linear{coef, intercept, rows.offset};
    pass(design, linear, LossGradientOp<Link>{rows, out.linear}, outputs, sums, workspace, n_threads);
    out.loss = sums[0];
    out.residual = sums[1];
    out.curvature = sums[2];
}

template <class Link>
void product(const Design& design, const Observations& rows, const double* coef, double intercept, Product& out,
             Workspace& workspace, int n_threads) {
    double* outputs[] = {out.product};
    const ProductOp<Link> op{rows, out.linear};
    pass(design, {coef, intercept, nullptr}, op, outputs, &out.intercept, workspace, n_threads);
}

template <class Link>
void dual(const Design& design, const Observations& rows, const double* coef, double intercept, Dual& out,
          Workspace& workspace, int n_threads) {
    double sums[2];
    double* outputs[] = {out.residual, out.curvature};
    const DualOp<Link> op{rows, out.linear, out.xi};
    pass(design, {coef, intercept, nullptr}, op, outputs, sums, workspace, n_threads);
    out.residual_sum = sums[0];
    out.curvature_sum = sums[1];
}

}  // namespace
}  // namespace logloss::LOGLOSS_ISA
