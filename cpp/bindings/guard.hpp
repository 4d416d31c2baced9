// What every binding asks of its arguments before a kernel reads them, and how many threads it may use.
#pragma once

#include <cmath>
#include <stdexcept>
#include <string>

#include "../kernels/design.hpp"
#include "forks.hpp"

namespace logloss {

// More rows, columns or groups than any memory holds; products of a few of their bytes still fit an Index.
constexpr Index MOST = Index(1) << 40;

inline void check_count(const std::string& where, const char* what, Index n) {
    if (n < 0 || n > MOST)
        throw std::invalid_argument(where + ": " + std::to_string(n) + " is not a number of " + what + ".");
}

inline void check_tolerance(const char* where, const char* what, double x) {
    if (!(x >= 0.0) || std::isinf(x))
        throw std::invalid_argument(std::string(where) + ": " + what + " must be finite and not negative.");
}

// Threads for a kernel: as asked, but no more than lanes, tiles and memory were made for.
inline int team(const char* where, int n_threads) {
    if (n_threads < 1)
        throw std::invalid_argument(std::string(where) + ": " + std::to_string(n_threads) +
                                    " threads: at least 1 is needed.");
    if (forks.threads_died) return 1;
    constexpr int most = 256;
    return n_threads < most ? n_threads : most;
}

}  // namespace logloss
