// Bindings of kernels that take vectors and small matrices, and read no design.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/tuple.h>

#include <limits>
#include <tuple>

#include "arrays.hpp"
#include "owned_design.hpp"

namespace logloss {
namespace {

using namespace nb::literals;

auto inverse_factor(const nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>& matrix,
                    double tolerance) {
    const std::size_t n = matrix.shape(0);
    if (matrix.shape(1) != n) throw std::invalid_argument("inverse_factor: a square matrix is needed.");
    check_tolerance("inverse_factor", "tolerance", tolerance);
    NewArray inverse({n, n});
    Index rank;
    {
        nb::gil_scoped_release release;
        Memory memory;
        std::copy_n(matrix.data(), n * n, inverse.data);
        rank = kernels().inverse_factor(inverse.data, Index(n), tolerance, memory.take(2 * n));
    }
    return std::make_tuple(inverse.array(), rank);
}

auto solve(const nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>& matrix, const Vector& right,
           double tolerance) {
    const std::size_t n = right.shape(0);
    if (matrix.shape(0) != n || matrix.shape(1) != n) throw std::invalid_argument("solve: shapes do not fit.");
    check_tolerance("solve", "tolerance", tolerance);
    NewArray x({n});
    Index rank;
    {
        nb::gil_scoped_release release;
        Memory memory;
        double* factor = memory.take(n * n + n + 1);
        std::copy_n(matrix.data(), n * n, factor);
        std::copy_n(right.data(), n, x.data);
        rank = kernels().solve(factor, Index(n), x.data, tolerance, factor + n * n);
    }
    return std::make_tuple(x.array(), rank);
}

auto quadratic(const nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>& hessian,
               const Vector& gradient, const Vector& point, const Vector& l1, const Vector& lower, const Vector& upper,
               double accuracy, Index most, double far) {
    const std::size_t n = point.shape(0);
    if (hessian.shape(0) != n || hessian.shape(1) != n) throw std::invalid_argument("quadratic: shapes do not fit.");
    check_length("quadratic", "gradient", gradient.shape(0), Index(n));
    check_length("quadratic", "l1", l1.shape(0), Index(n));
    check_length("quadratic", "lower", lower.shape(0), Index(n));
    check_length("quadratic", "upper", upper.shape(0), Index(n));
    check_tolerance("quadratic", "accuracy", accuracy);
    check_count("quadratic", "rounds", most);
    if (std::isnan(far)) throw std::invalid_argument("quadratic: far is not a number.");
    NewArray end({n}), slope({n});
    std::copy_n(point.data(), n, end.data);
    std::copy_n(gradient.data(), n, slope.data);
    Index rounds;
    {
        nb::gil_scoped_release release;
        Memory memory;
        rounds = kernels().quadratic(hessian.data(), l1.data(), lower.data(), upper.data(), Index(n), accuracy, far,
                                     most, end.data, slope.data, memory);
    }
    return std::make_tuple(end.array(), slope.array(), rounds);
}

double dot(const Vector& a, const Vector& b) {
    check_length("dot", "b", b.shape(0), Index(a.shape(0)));
    return kernels().dot(a.data(), b.data(), Index(a.shape(0)));
}

auto bernoulli(const Vector& z, const Vector& y) {
    check_length("bernoulli", "y", y.shape(0), Index(z.shape(0)));
    NewArray loss({z.shape(0)}), slope({z.shape(0)}), curvature({z.shape(0)});
    kernels().bernoulli(z.data(), y.data(), Index(z.shape(0)), loss.data, slope.data, curvature.data);
    return std::make_tuple(loss.array(), slope.array(), curvature.array());
}

double stream_read(const nb::ndarray<const double, nb::c_contig, nb::device::cpu>& x, int n_threads) {
    const int threads = team("stream_read", n_threads);
    nb::gil_scoped_release release;
    Memory memory;
    return kernels().stream_read(x.data(), Index(x.size()), memory, threads);
}

}  // namespace

void bind_algebra(nb::module_& m) {
    m.def("solve", &solve, "matrix"_a, "right"_a, "tolerance"_a,
          "Solution and rank of a positive semidefinite system; aliases of earlier columns get 0.");
    m.def("quadratic", &quadratic, "hessian"_a, "gradient"_a, "point"_a, "l1"_a, "lower"_a, "upper"_a, "accuracy"_a,
          "most"_a, "far"_a = std::numeric_limits<double>::infinity(),
          "Minimises g.d + d'Hd/2 + sum of l1*|point + d| within bounds: point + d, g + Hd, and the rounds it took;"
          " roughly, where it falls by more than `far`.");
    m.def("dot", &dot, "a"_a, "b"_a);
    m.def("bernoulli", &bernoulli, "z"_a, "y"_a, "Loss, residual and curvature of each row.");
    m.def("inverse_factor", &inverse_factor, "matrix"_a, "tolerance"_a,
          "A lower triangle T with T'T = H^-1 for a positive semidefinite H, and the rank; aliases of earlier columns "
          "get 0.");
    m.def("stream_read", &stream_read, "x"_a, "n_threads"_a, "Sums x as fast as memory gives it.");
}

}  // namespace logloss
