// Rows of a NumPy array, copied by several threads into a new one.
#pragma once

#include "arrays.hpp"
#include "owned_design.hpp"

namespace logloss {

using AnyNumpy = nb::ndarray<nb::numpy>;

// The copies that make x[rows], and the array they make: columns stay columns where x has them, all else becomes C
// order.
inline AnyNumpy plan_take(const AnyArray& x, Index n, std::vector<Copy>& copies) {
    if (x.ndim() < 1 || x.ndim() > 2) throw std::invalid_argument("take: vectors or matrices are needed.");
    const Index d = x.ndim() == 2 ? Index(x.shape(1)) : 1, row = x.stride(0), column = x.ndim() == 2 ? x.stride(1) : 1;
    const Index bytes = type_bytes(type_of(x.dtype()));
    const bool by_column = d == 1 || (row == 1 && column != 1);
    char* to = static_cast<char*>(new_memory(std::size_t(n * d * bytes)));
    nb::capsule owner(to, [](void* p) noexcept { std::free(p); });
    for (Index j = 0; j < (by_column ? d : std::min<Index>(d, 1)); j++)
        copies.push_back(Copy{static_cast<const char*>(x.data()) + j * column * bytes, row, column, to + j * n * bytes,
                              bytes, by_column ? 1 : d});
    const std::size_t shape[] = {std::size_t(n), std::size_t(d)};
    const std::int64_t strides[] = {by_column ? 1 : d, by_column ? n : 1};
    return AnyNumpy(to, x.ndim(), shape, owner, strides, x.dtype());
}

// [x[rows] for x in arrays], for one matrix or vectors
inline std::vector<AnyNumpy> take(const Kernels& kernels, const std::vector<AnyArray>& arrays, const Index* rows,
                                  Index n, int n_threads) {
    Index low = 0, high = -1;
    for (Index i = 0; i < n; i++) {
        low = std::min(low, rows[i]);
        high = std::max(high, rows[i]);
    }
    std::vector<Copy> copies;
    std::vector<AnyNumpy> taken;
    for (const AnyArray& x : arrays) {
        taken.push_back(plan_take(x, n, copies));
        if (low < 0 || high >= Index(x.shape(0)))
            throw std::invalid_argument("take: row " + std::to_string(low < 0 ? low : high) + " is not one of the " +
                                        std::to_string(x.shape(0)) + ".");
    }
    nb::gil_scoped_release release;
    kernels.take(copies.data(), Index(copies.size()), rows, n, n_threads);
    return taken;
}

}  // namespace logloss
