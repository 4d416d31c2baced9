// What bindings share: the types of vectors that come in and go out, their checks, and the kernels that were picked.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "../kernels/kernels.hpp"

namespace logloss {

namespace nb = nanobind;
using Vector = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using VectorOut = nb::ndarray<double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Indices = nb::ndarray<const Index, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Numpy = nb::ndarray<nb::numpy, double>;

const Kernels& kernels();  // of the best instruction set that this processor has

struct NewArray {
    double* data;
    nb::capsule owner;
    std::vector<std::size_t> shape;
    explicit NewArray(std::vector<std::size_t> s) : shape(std::move(s)) {
        std::size_t size = 1;
        for (std::size_t k : shape) size *= k;
        data = new double[size ? size : 1];
        owner = nb::capsule(data, [](void* p) noexcept { delete[] static_cast<double*>(p); });
    }
    Numpy array() const { return Numpy(data, shape.size(), shape.data(), owner); }
};

inline void check_length(const char* where, const char* what, std::size_t got, Index want) {
    if (Index(got) != want)
        throw std::invalid_argument(std::string(where) + ": " + what + " has length " + std::to_string(got) + ", not " +
                                    std::to_string(want) + ".");
}

inline const double* optional_data(const char* where, const char* what, const std::optional<Vector>& x, Index n) {
    if (!x) return nullptr;
    check_length(where, what, x->shape(0), n);
    return x->data();
}

// y, weight and offset of the rows, checked once.
struct OwnedObservations {
    Vector y;
    std::optional<Vector> weight, offset;
    Index n_rows;
    Observations rows;
    OwnedObservations(Vector y_, std::optional<Vector> weight_, std::optional<Vector> offset_)
        : y(y_), weight(weight_), offset(offset_), n_rows(Index(y_.shape(0))) {
        rows.y = y.data();
        rows.weight = optional_data("Observations", "weight", weight, n_rows);
        rows.offset = optional_data("Observations", "offset", offset, n_rows);
    }
};

void bind_rows(nb::module_& m);

}  // namespace logloss
