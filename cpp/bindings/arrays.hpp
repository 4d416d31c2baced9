// What bindings share: the types of vectors that come in and go out, their checks, and the kernels that were picked.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "../kernels/kernels.hpp"
#include "guard.hpp"

namespace logloss {

namespace nb = nanobind;
using Vector = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using VectorOut = nb::ndarray<double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Indices = nb::ndarray<const Index, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Numpy = nb::ndarray<nb::numpy, double>;

const Kernels& kernels();  // of the best instruction set that this processor has

// Memory of a new array. Large ones on large pages: to map small ones would take most of the time of a copy.
inline void* new_memory(std::size_t bytes) {
    constexpr std::size_t huge_page = std::size_t(1) << 21;
    const std::size_t alignment = bytes >= huge_page ? huge_page : 64;
    void* data =
        std::aligned_alloc(alignment, (std::max<std::size_t>(bytes, 1) + alignment - 1) / alignment * alignment);
    if (!data) throw std::bad_alloc();
#if defined(__linux__)
    if (alignment == huge_page) madvise(data, bytes, MADV_HUGEPAGE);
#endif
    return data;
}

struct NewArray {
    double* data;
    nb::capsule owner;
    std::vector<std::size_t> shape;
    explicit NewArray(std::vector<std::size_t> s) : shape(std::move(s)) {
        std::size_t bytes = sizeof(double);
        for (std::size_t k : shape)
            if (__builtin_mul_overflow(bytes, k, &bytes)) throw std::bad_alloc();
        data = static_cast<double*>(new_memory(bytes));
        owner = nb::capsule(data, [](void* p) noexcept { std::free(p); });
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

void bind_algebra(nb::module_& m);
void bind_rows(nb::module_& m);

}  // namespace logloss
