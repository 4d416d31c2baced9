// What a set of kernels offers, compiled once per instruction set and picked at load.
#pragma once

#include "design.hpp"

namespace logloss {

// Labels in [0, 1], weights (null: all one) and offsets (null: all zero), n_rows each.
struct Observations {
    const double* y = nullptr;
    const double* weight = nullptr;
    const double* offset = nullptr;
    const double* curvature = nullptr;  // of the Gram matrix: v in place of s*q, where given
};

// Reusable memory of one call: each piece lasts until the call ends, aligned to 64 bytes, not initialised.
struct Workspace {
    virtual double* take(std::size_t n_doubles) = 0;
    virtual ~Workspace() = default;
};

struct LossGradient {       // sums over rows of s*loss, s*r*x, s*r, s*q
    double loss, residual, curvature;
    double* gradient;       // (n_columns)
    double* linear;         // (n_rows) or null: keeps z = x.w + b + o
};

struct Product {            // sum of s*q*(x.v + v0)*x, and the same for the column of ones
    const double* linear;   // z, kept from a loss_gradient
    double* product;        // (n_columns)
    double intercept;
};

struct Dual {               // r' = r - q*(x.delta + delta0): X'Sr', X'Sq and their sums; keeps xi = x.delta + delta0
    const double* linear;
    double* xi;             // (n_rows)
    double* residual;       // (n_columns)  X'Sr'
    double* curvature;      // (n_columns)  X'Sq
    double residual_sum, curvature_sum;
};

struct RowGap {             // see certificate.py
    double gap;             // sum of s*[p phi(D/p) + (1-p) phi(-D/(1-p))], D = -(1-c) r - c q xi: -q xi at c = 1
    double outside;         // how many rows with weight have t outside [0, 1], or all but: a dual point if none
};

struct Margin {             // of a dual point t = y + c*r', see feasibility.py; w: q at another point, or this one
    double least;           // of min(t, 1 - t)*sqrt(s/w) over the rows with weight; not positive where t leaves (0, 1)
    double pearson;         // sum of s*(c*r')^2/w
    double absolute;        // sum of s*|c*r'|
    double square;          // sum of s*w*l^2, l: an upper bound on |logit(t) - z|
    double steepest;        // the largest w/min(t, 1 - t) over the rows with weight
};

struct LeftOut {
    double loss;            // sum of s*bce(y, z~)
    double far;             // how many rows with weight move by more than a limit, or without one
};

struct Copy {               // of rows of a matrix with values of `bytes`, row after row; strides in values
    const void* from;
    Index from_row, from_column;
    void* to;
    Index bytes, n_columns;
};

// Rows one at a time, for solvers that take a step at each: one dense block in C order, or one in CSR, of float or
// double, in the coordinates x' = (x - center) * inverse. Vectors over coefficients, here and below, are padded with
// zeros to a multiple of 8; the intercept, where there is one, comes after the columns.
struct RowTable {
    Block block;
    Index n_rows, n_columns;
    const double* center;       // not used for sparse rows
    const double* inverse;
    bool intercept;
};

struct Draws {                  // the rows of an epoch, in the order in which they are read
    const Index* order;
    Index n;
};

struct Penalties {              // a_j |w| + (l_j/2) w^2 within the bounds
    const double *l2, *l1, *lower, *upper;
    bool smooth, shrinks, bounded;  // no l1 and no bounds; any l2; any bounds
};

struct Averaged {               // see row_averaged.hpp
    double step;
    bool saga;
    double scale;               // 1/sum of s
    double *beta, *mean;        // w and g
    double* residuals;          // (n_rows) of the last visit
};

struct Descent {                // see row_descent.hpp
    const double* steps;        // one per step
    Index batch;
    double* beta;
    double* average;            // or null
    Index every, count;         // steps between points of the average; how many points are in it
};

struct Adam {                   // see row_adam.hpp
    const double* steps;
    Index batch;
    double beta1, beta2, epsilon;
    double *beta, *first, *second;
    Index done;                 // steps so far
};

struct Perceptron {             // see row_perceptron.hpp
    double step;
    double *beta, *pocket;
    double errors;              // weight of the rows that the pocket tells wrongly
    Index run, best_run;        // draws told rightly in a row, now and by the pocket
    Index mistakes, checks;     // of this epoch: updates, and reads of all rows for the pocket
};

struct Kernels {
    const char* name;
    void (*predict)(const Design&, const double* coef, double intercept, const double* offset, double* linear,
                    Workspace&, int n_threads);
    void (*loss_gradient)(const Design&, const Observations&, const double* coef, double intercept, LossGradient&,
                          Workspace&, int n_threads);
    void (*product)(const Design&, const Observations&, const double* coef, double intercept, Product&, Workspace&,
                    int n_threads);
    void (*dual)(const Design&, const Observations&, const double* coef, double intercept, Dual&, Workspace&,
                 int n_threads);
    // n_steps sums of s*loss at z - step*xi
    void (*step_losses)(Index n_rows, const Observations&, const double* linear, const double* xi, const double* steps,
                        Index n_steps, double* losses, Workspace&, int n_threads);
    RowGap (*row_gap)(Index n_rows, const Observations&, const double* linear, const double* xi, double shift,
                      double scale, Workspace&, int n_threads);
    // `curved`: z at the point of w
    Margin (*dual_margin)(Index n_rows, const Observations&, const double* linear, const double* xi, double shift,
                          double scale, const double* curved, Workspace&, int n_threads);
    // sums of s*x, s*(x-c)^2, of both with c given, for centring and scaling
    void (*moments)(const Design&, const double* weight, const double* center, double* mean_sum, double* square_sum,
                    Workspace&, int n_threads);
    // sum of s*q*[x-c, 1][x-c, 1]' over the columns in `subset` (increasing); (n_subset + 1)^2, full symmetric
    // `secant`: with the secant curvature (link.hpp) in place of q
    void (*gram)(const Design&, const Observations&, const double* linear, bool secant, const double* center,
                 const Index* subset, Index n_subset, double* gram, Workspace&, int n_threads);
    double (*dot)(const double* a, const double* b, Index n);
    // Solves (H)x = b in place of b by Cholesky with unit-diagonal scaling; a column whose pivot falls to `tolerance`
    // of its diagonal is an alias of earlier ones: it gets 0. Returns the rank. `factor` (n*n) is overwritten.
    Index (*solve)(double* factor, Index n, double* right, double tolerance, double* scale);
    // Minimises g.d + d'Hd/2 + sum a|w + d| within bounds (quadratic.hpp): `point` goes from w to w + d, `slope` from g
    // to g + Hd; roughly, where it falls by more than `far`
    Index (*quadratic)(const double* hessian, const double* l1, const double* lower, const double* upper, Index n,
                       double accuracy, double far, Index most, double* point, double* slope, Workspace&);
    void (*bernoulli)(const double* z, const double* y, Index n, double* loss, double* residual, double* curvature);
    double (*stream_read)(const double* x, Index n, Workspace&, int n_threads);
    void (*take)(const Copy* copies, Index n_copies, const Index* rows, Index n, int n_threads);
    // rows one at a time, on one thread
    void (*copy_rows)(const Design&, bool narrow, void* out);
    Index (*count_entries)(const Design&, Index* pointers);
    void (*copy_entries)(const Design&, bool narrow, Index* next, Index* indices, void* values);
    double (*largest_square)(const RowTable&, const double* weight, Workspace&);
    void (*averaged)(const RowTable&, const Observations&, const Penalties&, const Draws&, const Averaged&, Workspace&);
    void (*descend)(const RowTable&, const Observations&, const Penalties&, const Draws&, Descent&, Workspace&);
    void (*adam)(const RowTable&, const Observations&, const Penalties&, const Draws&, Adam&, Workspace&);
    void (*perceptron)(const RowTable&, const Observations&, const Draws&, Perceptron&, Workspace&);
    // The inverse of H's triangular factor in place of H, and the rank (leverage.hpp); `memory`: 2 n
    Index (*inverse_factor)(double* matrix, Index n, double tolerance, double* memory);
    // |a + sum_j (x_ij - c_j) A_j|^2 for each row, over the columns in `subset`: leverages (leverage.hpp)
    void (*leverages)(const Design&, const double* center, const Index* subset, Index n_subset, const double* triangle,
                      double* leverage, Workspace&, int n_threads);
    // sums of v [x-c, 1] over the rows of each group (group_sums.hpp); (n_groups, n_subset + 1)
    void (*group_sums)(const Design&, const double* v, const Index* group, Index n_groups, const double* center,
                       const Index* subset, Index n_subset, double* sums, Workspace&, int n_threads);
    // `xi` and `shift` may be null
    LeftOut (*leave_one_out)(Index n_rows, const Observations&, const double* linear, const double* xi,
                             const double* leverage, bool whole, double limit, double* shift, Workspace&,
                             int n_threads);
};

#if defined(LOGLOSS_X86)
const Kernels& kernels_v2();
const Kernels& kernels_v3();
const Kernels& kernels_v4();
#else
const Kernels& kernels_native();
#endif

}  // namespace logloss
