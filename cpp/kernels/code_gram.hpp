// Products of columns of codes for the Gram matrix (gram.hpp): of two such columns they are counts, weighted by v, and
// of one and the dense columns sums of packed rows.
//
// Row after row, the positions of the codes that have a column are listed in increasing order, and v is added to the
// row of each at the positions up to itself. That is done in groups of `unroll`: what lies above the diagonal is not
// looked at. No addition waits for the one before, as it would if pairs of columns were taken one after the other and
// most rows had one code.
#pragma once

#include "gram_plan.hpp"

namespace logloss::LOGLOSS_ISA {
namespace {

constexpr Index unroll = 4;  // entries of a row are taken in groups

struct GramSums {
    double* dense;   // width x width, upper triangle
    double* within;  // sparse with sparse, rows `stride` apart; of codes the lower triangle
    Index stride;
    double* cross;   // by position: width
};

struct CodeRange {  // maps whose products are formed with all maps up to themselves
    Index first, last;
};

// Positions of K rows, map by map; then room for a list
inline Index code_memory(const GramShape& shape) { return shape.n_maps * (K + 1) + unroll + 1; }

inline void find_positions(const GramShape& shape, Index last, Index row, Index rows, std::int32_t* out) {
    for (Index k = 0; k < last; k++)
        with_codes(*shape.maps[k].block, [&](auto* codes) {
            const std::int32_t* position = shape.maps[k].position;
            for (Index p = 0; p < rows; p++) out[k * K + p] = position[codes[row + p]];
        });
}

// into[positions] += v
INLINE void add_to_all(double v, const std::int32_t* positions, Index n, double* into) {
    for (Index k = 0; k < n; k += unroll) {  // the positions of a group differ, or are that of what is not looked at
        double sums[unroll];
        for (int h = 0; h < unroll; h++) sums[h] = into[positions[k + h]] + v;
        for (int h = 0; h < unroll; h++) into[positions[k + h]] = sums[h];
    }
}

INLINE void add_packed(const GramShape& shape, Index p, double root, const double* panels, double* into) {
    for (Index j = 0; j < shape.vectors(); j++) {
        const double* packed = panels + j / NV * NR * K + p * NR + j % NV * W;
        store(into + j * W, load(into + j * W) + load(packed) * root);
    }
}

inline void add_codes(const GramShape& shape, CodeRange range, Index row, Index rows, const double* root,
                      const double* panels, const GramSums& sums, std::int32_t* memory) {
    const std::int32_t* found = memory;
    std::int32_t* list = memory + shape.n_maps * K;
    find_positions(shape, range.last, row, rows, memory);
    for (Index p = 0; p < rows; p++) {
        Index n = 0;
        const auto enlist = [&](Index k, Index end) {
            for (; k < end; k++) {
                list[n] = found[k * K + p];
                n += list[n] >= 0;
            }
        };
        enlist(0, range.first);
        const Index own = n;
        enlist(range.first, range.last);
        for (Index h = 0; h < unroll; h++) list[n + h] = std::int32_t(shape.n_sparse);
        for (Index b = own; b < n; b++) {
            add_to_all(root[p] * root[p], list, b + 1, sums.within + list[b] * sums.stride);
            add_packed(shape, p, root[p], panels, sums.cross + list[b] * shape.width);
        }
    }
}

// Ends of `n` ranges of maps of about the same work, by how often a code of each has a column in some of the rows.
inline void share_codes(const GramShape& shape, Index n_rows, Index n, Index* ends, double* often) {
    const Index step = n_rows / 256 + 1;
    double before = 0, total = 0;
    for (Index k = 0; k < shape.n_maps; k++) {
        Index count = 0;
        with_codes(*shape.maps[k].block, [&](auto* codes) {
            for (Index i = 0; i < n_rows; i += step) count += shape.maps[k].position[codes[i]] >= 0;
        });
        const double share = double(count * step) / double(n_rows + 1);
        before += share;
        often[k] = share * (before + 2.0 * double(shape.vectors())) + 0.1 * double(k);
        total += often[k];
    }
    double sum = 0;
    for (Index k = 0, at = 0; at < n; k++) {
        if (k < shape.n_maps) sum += often[k];
        while (at < n && (k >= shape.n_maps || sum * double(n) >= total * double(at + 1)))
            ends[at++] = k + 1 < shape.n_maps ? k + 1 : shape.n_maps;
    }
    ends[n - 1] = shape.n_maps;
}

}  // namespace
}  // namespace logloss::LOGLOSS_ISA
