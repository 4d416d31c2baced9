// Python's view of the kernels: converts, checks, releases the GIL.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <tuple>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "arrays.hpp"
#include "mapped.hpp"
#include "take.hpp"

namespace logloss {

static const Kernels& pick_kernels() {
#if defined(LOGLOSS_X86)
    const char* wanted = std::getenv("LOGLOSS_ISA");
    const std::string isa = wanted ? wanted : "";
    __builtin_cpu_init();
    if (isa != "v2" && isa != "v3" && __builtin_cpu_supports("x86-64-v4")) return kernels_v4();
    if (isa != "v2" && __builtin_cpu_supports("x86-64-v3")) return kernels_v3();
    return kernels_v2();
#else
    return kernels_native();
#endif
}

const Kernels& kernels() {
    static const Kernels& picked = pick_kernels();
    return picked;
}

namespace {

using namespace nb::literals;

int max_threads() {
#ifdef _OPENMP
    return forks.threads_died ? 1 : omp_get_max_threads();
#else
    return 1;
#endif
}

void check_rows(const char* where, const OwnedDesign& design, const OwnedObservations& rows) {
    check_length(where, "y", std::size_t(rows.n_rows), design.n_rows());
}

// body(design, memory, threads) without the GIL
template <class F>
void unlocked(const char* where, OwnedDesign& owned, int n_threads, F&& body) {
    const Design& design = owned.design(where);
    const int threads = team(where, n_threads);
    nb::gil_scoped_release release;
    owned.with_workspace([&](Memory& memory) { body(design, memory, threads); });
}

Numpy predict(OwnedDesign& design, const Vector& coef, double intercept, std::optional<Vector> offset, int n_threads) {
    check_length("predict", "coef", coef.shape(0), design.n_columns());
    const double* o = optional_data("predict", "offset", offset, design.n_rows());
    NewArray z({std::size_t(design.n_rows())});
    unlocked("predict", design, n_threads, [&](const Design& x, Memory& memory, int threads) {
        kernels().predict(x, coef.data(), intercept, o, z.data, memory, threads);
    });
    return z.array();
}

auto loss_gradient(OwnedDesign& design, const OwnedObservations& rows, const Vector& coef, double intercept,
                   std::optional<VectorOut> linear, int n_threads) {
    check_rows("loss_gradient", design, rows);
    check_length("loss_gradient", "coef", coef.shape(0), design.n_columns());
    if (linear) check_length("loss_gradient", "linear", linear->shape(0), design.n_rows());
    NewArray gradient({coef.shape(0)});
    LossGradient out{};
    out.gradient = gradient.data;
    out.linear = linear ? linear->data() : nullptr;
    unlocked("loss_gradient", design, n_threads, [&](const Design& x, Memory& memory, int threads) {
        kernels().loss_gradient(x, rows.rows, coef.data(), intercept, out, memory, threads);
    });
    return std::make_tuple(out.loss, gradient.array(), out.residual, out.curvature);
}

auto product(OwnedDesign& design, const OwnedObservations& rows, const Vector& linear, const Vector& coef,
             double intercept, int n_threads) {
    check_rows("product", design, rows);
    check_length("product", "coef", coef.shape(0), design.n_columns());
    check_length("product", "linear", linear.shape(0), design.n_rows());
    NewArray result({coef.shape(0)});
    Product out{};
    out.linear = linear.data();
    out.product = result.data;
    unlocked("product", design, n_threads, [&](const Design& x, Memory& memory, int threads) {
        kernels().product(x, rows.rows, coef.data(), intercept, out, memory, threads);
    });
    return std::make_tuple(result.array(), out.intercept);
}

auto dual(OwnedDesign& design, const OwnedObservations& rows, const Vector& linear, const Vector& coef,
          double intercept, VectorOut xi, int n_threads) {
    check_rows("dual", design, rows);
    check_length("dual", "coef", coef.shape(0), design.n_columns());
    check_length("dual", "linear", linear.shape(0), design.n_rows());
    check_length("dual", "xi", xi.shape(0), design.n_rows());
    NewArray residual({coef.shape(0)}), curvature({coef.shape(0)});
    Dual out{};
    out.linear = linear.data();
    out.xi = xi.data();
    out.residual = residual.data;
    out.curvature = curvature.data;
    unlocked("dual", design, n_threads, [&](const Design& x, Memory& memory, int threads) {
        kernels().dual(x, rows.rows, coef.data(), intercept, out, memory, threads);
    });
    return std::make_tuple(residual.array(), out.residual_sum, curvature.array(), out.curvature_sum);
}

Numpy step_losses(const OwnedObservations& rows, const Vector& linear, const Vector& xi, const Vector& steps,
                  int n_threads) {
    check_length("step_losses", "linear", linear.shape(0), rows.n_rows);
    check_length("step_losses", "xi", xi.shape(0), rows.n_rows);
    NewArray losses({steps.shape(0)});
    const int threads = team("step_losses", n_threads);
    {
        nb::gil_scoped_release release;
        Memory memory;
        kernels().step_losses(rows.n_rows, rows.rows, linear.data(), xi.data(), steps.data(), Index(steps.shape(0)),
                              losses.data, memory, threads);
    }
    return losses.array();
}

auto row_gap(const OwnedObservations& rows, const Vector& linear, const Vector& xi, double shift, double scale,
             int n_threads) {
    check_length("row_gap", "linear", linear.shape(0), rows.n_rows);
    check_length("row_gap", "xi", xi.shape(0), rows.n_rows);
    const int threads = team("row_gap", n_threads);
    nb::gil_scoped_release release;
    Memory memory;
    const RowGap out =
        kernels().row_gap(rows.n_rows, rows.rows, linear.data(), xi.data(), shift, scale, memory, threads);
    return std::make_tuple(out.gap, out.outside);
}

auto dual_margin(const OwnedObservations& rows, const Vector& linear, const Vector& xi, double shift, double scale,
                 const Vector& curved, int n_threads) {
    check_length("dual_margin", "linear", linear.shape(0), rows.n_rows);
    check_length("dual_margin", "xi", xi.shape(0), rows.n_rows);
    check_length("dual_margin", "curved", curved.shape(0), rows.n_rows);
    const int threads = team("dual_margin", n_threads);
    nb::gil_scoped_release release;
    Memory memory;
    const Margin out = kernels().dual_margin(rows.n_rows, rows.rows, linear.data(), xi.data(), shift, scale,
                                             curved.data(), memory, threads);
    return std::make_tuple(out.least, out.pearson, out.absolute, out.square, out.steepest);
}

auto moments(OwnedDesign& design, std::optional<Vector> weight, const Vector& center, int n_threads) {
    const double* s = optional_data("moments", "weight", weight, design.n_rows());
    check_length("moments", "center", center.shape(0), design.n_columns());
    NewArray first({center.shape(0)}), second({center.shape(0)});
    unlocked("moments", design, n_threads, [&](const Design& x, Memory& memory, int threads) {
        kernels().moments(x, s, center.data(), first.data, second.data, memory, threads);
    });
    return std::make_tuple(first.array(), second.array());
}

void check_subset(const char* where, const Indices& subset, Index n_columns) {
    for (Index k = 0; k < Index(subset.shape(0)); k++)
        if (subset.data()[k] < (k ? subset.data()[k - 1] + 1 : 0) || subset.data()[k] >= n_columns)
            throw std::invalid_argument(std::string(where) +
                                        ": the subset must be increasing column numbers of the design.");
}

Numpy gram(OwnedDesign& design, const OwnedObservations& rows, const Vector& linear, const Vector& center,
           const Indices& subset, int n_threads, bool secant, std::optional<Vector> curvature) {
    check_rows("gram", design, rows);
    Observations weighted = rows.rows;
    weighted.curvature = optional_data("gram", "curvature", curvature, design.n_rows());
    check_length("gram", "linear", linear.shape(0), design.n_rows());
    check_length("gram", "center", center.shape(0), design.n_columns());
    const Index n = Index(subset.shape(0));
    check_subset("gram", subset, design.n_columns());
    NewArray out({std::size_t(n + 1), std::size_t(n + 1)});
    unlocked("gram", design, n_threads, [&](const Design& x, Memory& memory, int threads) {
        kernels().gram(x, weighted, linear.data(), secant, center.data(), subset.data(), n, out.data, memory, threads);
    });
    return out.array();
}

Numpy group_sums(OwnedDesign& design, const Vector& v, const Indices& group, Index n_groups, const Vector& center,
                 const Indices& subset, int n_threads) {
    check_length("group_sums", "v", v.shape(0), design.n_rows());
    check_length("group_sums", "group", group.shape(0), design.n_rows());
    check_length("group_sums", "center", center.shape(0), design.n_columns());
    check_subset("group_sums", subset, design.n_columns());
    check_count("group_sums", "groups", n_groups);
    if (n_groups == 0) throw std::invalid_argument("group_sums: there are no groups.");
    for (std::size_t i = 0; i < group.shape(0); i++)
        if (group.data()[i] < 0 || group.data()[i] >= n_groups)
            throw std::invalid_argument("group_sums: a group is not in [0, n_groups).");
    const std::size_t n = subset.shape(0);
    NewArray out({std::size_t(n_groups), n + 1});
    unlocked("group_sums", design, n_threads, [&](const Design& x, Memory& memory, int threads) {
        kernels().group_sums(x, v.data(), group.data(), n_groups, center.data(), subset.data(), Index(n), out.data,
                             memory, threads);
    });
    return out.array();
}

Numpy leverages(OwnedDesign& design, const Vector& center, const Indices& subset,
                const nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>& triangle, int n_threads) {
    check_length("leverages", "center", center.shape(0), design.n_columns());
    check_subset("leverages", subset, design.n_columns());
    const std::size_t n = subset.shape(0);
    if (triangle.shape(0) != n + 1 || triangle.shape(1) != n + 1)
        throw std::invalid_argument("leverages: the triangle does not fit the subset.");
    NewArray out({std::size_t(design.n_rows())});
    unlocked("leverages", design, n_threads, [&](const Design& x, Memory& memory, int threads) {
        kernels().leverages(x, center.data(), subset.data(), Index(n), triangle.data(), out.data, memory, threads);
    });
    return out.array();
}

auto leave_one_out(const OwnedObservations& rows, const Vector& linear, std::optional<Vector> xi,
                   const Vector& leverage, bool whole, double limit, std::optional<VectorOut> shift, int n_threads) {
    check_length("leave_one_out", "linear", linear.shape(0), rows.n_rows);
    const double* moved = optional_data("leave_one_out", "xi", xi, rows.n_rows);
    check_length("leave_one_out", "leverage", leverage.shape(0), rows.n_rows);
    if (shift) check_length("leave_one_out", "shift", shift->shape(0), rows.n_rows);
    const int threads = team("leave_one_out", n_threads);
    nb::gil_scoped_release release;
    Memory memory;
    const LeftOut out = kernels().leave_one_out(rows.n_rows, rows.rows, linear.data(), moved, leverage.data(), whole,
                                                limit, shift ? shift->data() : nullptr, memory, threads);
    return std::make_tuple(out.loss, Index(out.far));
}

}  // namespace
}  // namespace logloss

NB_MODULE(_kernels, m) {
    using namespace logloss;
    watch_forks();
    m.doc() = "Passes over typed blocks of rows. Vectors are float64 and contiguous; sums run over rows, with weights.";
    m.attr("instruction_set") = kernels().name;
    m.def("max_threads", &max_threads, "Threads that OpenMP would use now (OMP_NUM_THREADS, threadpoolctl).");

    m.def(
        "structure",
        [](const AnyArray& pointers, const AnyArray& indices, Index n_lines, Index n_across) {
            const Structure found = structure_of("structure", pointers, indices, n_lines, n_across, MOST, true);
            return std::make_tuple(found.increasing, found.distinct);
        },
        "pointers"_a, "indices"_a, "n_lines"_a, "n_across"_a,
        "Of CSR or CSC: do the indices of each line increase, and is none there twice? ValueError where they point "
        "outside.");

    m.def("hold", &hold, "address"_a, "size"_a, "Missing pages of mapped bytes are zeros from now on, not SIGBUS.");
    m.def("let_go", &let_go, "address"_a, "What was held is unmapped.");

    nb::class_<OwnedDesign>(m, "Design", "Typed blocks side by side, read as they lie in memory.")
        .def(nb::init<Index>(), "n_rows"_a)
        .def("add_dense", &OwnedDesign::add_dense, "x"_a)
        .def("add_columns", &OwnedDesign::add_columns, "columns"_a)
        .def("add_sparse", &OwnedDesign::add_sparse, "pointers"_a, "indices"_a, "values"_a, "n_columns"_a, "by_row"_a)
        .def("add_codes", &OwnedDesign::add_codes, "codes"_a, "slots"_a, "n_columns"_a,
             "Row i is 1 in column slots[codes[i]] of the block, and nowhere where that is -1.")
        .def("add_nullable", &OwnedDesign::add_nullable, "values"_a, "valid"_a, "fill"_a, "indicator"_a,
             "Values, `fill` where Arrow's bitmap is 0; with an indicator a second column that is 1 there.")
        .def("finish", &OwnedDesign::finish, "Lays out tiles and lanes; nothing may be added afterwards.")
        .def_prop_ro("n_rows", &OwnedDesign::n_rows)
        .def_prop_ro("n_columns", &OwnedDesign::n_columns)
        .def_prop_ro("tile_rows", [](const OwnedDesign& d) { return d.design("Design").plan.tile_rows; })
        .def_prop_ro("n_lanes", [](const OwnedDesign& d) { return d.design("Design").plan.n_lanes; });

    nb::class_<OwnedObservations>(m, "Observations", "Labels in [0, 1], weights and offsets of the rows.")
        .def(nb::init<Vector, std::optional<Vector>, std::optional<Vector>>(), "y"_a, "weight"_a = nb::none(),
             "offset"_a = nb::none());

    m.def("predict", &predict, "design"_a, "coef"_a, "intercept"_a, "offset"_a.none(), "n_threads"_a,
          "z = X coef + intercept + offset.");
    m.def("loss_gradient", &loss_gradient, "design"_a, "rows"_a, "coef"_a, "intercept"_a, "linear"_a.noconvert().none(),
          "n_threads"_a, "Sums of s*loss, s*r*x, s*r and s*q; writes z into `linear` where given.");
    m.def("product", &product, "design"_a, "rows"_a, "linear"_a, "coef"_a, "intercept"_a, "n_threads"_a,
          "Sums of s*q*(x.coef + intercept)*[x, 1] at z = `linear`.");
    m.def("dual", &dual, "design"_a, "rows"_a, "linear"_a, "coef"_a, "intercept"_a, "xi"_a.noconvert(), "n_threads"_a,
          "For r' = r - q*xi, xi = X coef + intercept (written): sums of s*r'*[x, 1] and s*q*[x, 1].");
    m.def("step_losses", &step_losses, "rows"_a, "linear"_a, "xi"_a, "steps"_a, "n_threads"_a,
          "Sums of s*loss at z = linear - step*xi, for each step.");
    m.def("row_gap", &row_gap, "rows"_a, "linear"_a, "xi"_a, "shift"_a, "scale"_a, "n_threads"_a,
          "The rows' part of the duality gap at scale*r', and how many rows leave [0, 1].");
    m.def("dual_margin", &dual_margin, "rows"_a, "linear"_a, "xi"_a, "shift"_a, "scale"_a, "curved"_a, "n_threads"_a,
          "Of the dual point t = y + u, u = scale*(r - q*(xi + shift)): the least min(t, 1 - t)*sqrt(s/w), the sums of "
          "s*u^2/w, s*|u|"
          " and s*w*l^2, l >= |logit(t) - z|, and the largest w/min(t, 1 - t); w: q at z = `curved`.");
    m.def("moments", &moments, "design"_a, "weight"_a.none(), "center"_a, "n_threads"_a,
          "Sums of s*x and s*(x - center)^2 (sparse columns: s*x^2).");
    m.def("gram", &gram, "design"_a, "rows"_a, "linear"_a, "center"_a, "subset"_a.noconvert(), "n_threads"_a,
          "secant"_a = false, "curvature"_a = nb::none(),
          "Sum of s*q*[x - center, 1][x - center, 1]' over the columns in `subset`, at z = `linear`; with the secant"
          " curvature in place of q where asked for, or with `curvature` in place of s*q where given.");
    m.def("group_sums", &group_sums, "design"_a, "v"_a, "group"_a.noconvert(), "n_groups"_a, "center"_a,
          "subset"_a.noconvert(), "n_threads"_a,
          "Sums of v*[x - center, 1] over the rows of each group, for the columns in `subset`: (n_groups, n + 1).");
    m.def("leverages", &leverages, "design"_a, "center"_a, "subset"_a.noconvert(), "triangle"_a, "n_threads"_a,
          "|[x - center, 1] triangle|^2 of each row, over the columns in `subset`; the triangle is upper but for its "
          "last row.");
    m.def(
        "leave_one_out", &leave_one_out, "rows"_a, "linear"_a, "xi"_a.none(), "leverage"_a, "whole"_a, "limit"_a,
        "shift"_a.noconvert().none(), "n_threads"_a,
        "The loss of each row under the fit to the others, summed, and how many rows move by more than `limit`, at z ="
        " linear - xi; writes how far each moves into `shift` where given. A row is left out whole, or a weight of 1 "
        "of it.");
    m.def("take", [](const std::vector<AnyArray>& arrays, const Indices& rows, int n_threads) {
        return take(kernels(), arrays, rows.data(), Index(rows.shape(0)), team("take", n_threads));
    }, "arrays"_a, "rows"_a.noconvert(), "n_threads"_a, "[x[rows] for x in arrays], copied: vectors, or one matrix.");
    bind_algebra(m);
    bind_rows(m);
}
