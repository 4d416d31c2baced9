// The indices of a CSR or CSC matrix: are they inside it, in what order, and none twice?
#pragma once

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "../kernels/design.hpp"

namespace logloss {

struct Structure {
    bool ordered;     // within each row (CSR) or column (CSC)
    bool increasing;  // ordered, and none twice
    bool distinct;    // none twice, as far as that was asked
};

// Kept out of the loop over the entries, which is quick where they increase.
template <class I>
bool all_distinct(const I* pointers, const I* indices, Index n_major, Index n_minor) {
    std::vector<Index> last(std::size_t(n_minor), -1);
    for (Index i = 0; i < n_major; i++)
        for (Index k = Index(pointers[i]); k < Index(pointers[i + 1]); k++) {
            if (last[std::size_t(indices[k])] == i) return false;
            last[std::size_t(indices[k])] = i;
        }
    return true;
}

template <class I>
Structure structure(const char* where, const I* pointers, const I* indices, Index n_major, Index n_minor,
                    Index n_entries, bool twins) {
    const auto damaged = [&] {
        return std::invalid_argument(std::string(where) + ": pointers or indices point outside the matrix.");
    };
    if (pointers[0] != 0 || Index(pointers[n_major]) > n_entries) throw damaged();
    for (Index i = 0; i < n_major; i++)
        if (pointers[i] > pointers[i + 1]) throw damaged();
    bool inside = true, ordered = true, increasing = true;
    for (Index i = 0; i < n_major; i++) {
        Index before = -1;
        for (Index k = Index(pointers[i]); k < Index(pointers[i + 1]); k++) {
            const Index index = Index(indices[k]);
            inside &= index >= 0 && index < n_minor;
            ordered &= index >= before;
            increasing &= index > before;
            before = index;
        }
    }
    if (!inside) throw damaged();
    return {ordered, increasing, increasing || !twins || all_distinct(pointers, indices, n_major, n_minor)};
}

}  // namespace logloss
