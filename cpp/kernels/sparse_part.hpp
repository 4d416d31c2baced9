// Parts of the rows of a sparse design, copied for sparse_gram.hpp: of a subset's columns those with entries in many
// rows, and the ones, as dense vectors ("head"); the entries of the others ("rest") row after row in increasing order,
// beside lists of the rows in which each column has one. All values are scaled by sqrt(v).
#pragma once

#include "gram.hpp"

namespace logloss::LOGLOSS_ISA {
namespace {

constexpr Index piece_rows = 256;                  // rows that one task copies
constexpr Index part_size = 400'000;               // doubles of a part: about what fits the second-level cache
constexpr Index most_positions = 65'536;           // positions are 16-bit
constexpr std::int32_t absent = -0x7fffffff - 1;   // code of a column outside the subset

struct Listed {  // an entry: where its row of the part begins, which of the row's entries it is, and the row
    std::uint32_t begin;
    std::int32_t index, row;
};

struct SparseGram {
    const Design* design;
    Index n, n_head, n_rest, width;  // subset; dense columns of it; others; n_head and the ones, padded to vectors
    std::int32_t* code;              // by column: position in the subset; ~slot if in the head; or `absent`
    Index* head;                     // by slot: position, increasing; the ones follow at position n
    Index* place;                    // by position: slot of the head, or ~(which of the rest)
    Index n_pieces, pieces;          // of the design, of a part
    Index* room;                     // by piece: entries it may hold
};

struct Part {            // `pieces` pieces of rows
    Index first_piece, row, rows;
    double* dense;       // rows x width
    double* values;      // the rest, from begin[row] to end[row]; then zeros at position n up to a multiple of `unroll`
    std::uint16_t* positions;
    Index *begin, *end;
    std::int32_t* counts;  // pieces x n: entries of each column; then where the piece's go in the list
    std::int32_t* lists;   // (n + 1): where the list of each column begins
    Listed* entries;
    Index pieces() const { return (rows + piece_rows - 1) / piece_rows; }
    Index rows_of(Index piece) const {
        return (piece + 1) * piece_rows < rows ? piece_rows : rows - piece * piece_rows;
    }
};

inline Part cut_part(Arena& arena, const SparseGram& s, Index rows, Index entries) {
    Part part{};
    part.dense = arena.cut(rows * s.width);
    part.values = arena.cut(entries);
    part.positions = arena.cut<std::uint16_t>(entries);
    part.begin = arena.cut<Index>(rows);
    part.end = arena.cut<Index>(rows);
    part.counts = arena.cut<std::int32_t>(s.pieces * s.n);
    part.lists = arena.cut<std::int32_t>(s.n + 1);
    part.entries = arena.cut<Listed>(entries);
    return part;
}

// ---- which columns are dense

template <class T, class I>
Index csc_find(const Block& b, const Sparse<T, I>& x, const Design& design, Index column, Index row) {
    const Plan& plan = design.plan;
    Index lane = 0;
    while (lane + 1 < plan.n_lanes && plan.row_begin(lane + 1, design.n_rows) <= row) lane++;
    Index low = b.tile_starts[lane * b.n_columns + column];
    Index high =
        lane + 1 < plan.n_lanes ? b.tile_starts[(lane + 1) * b.n_columns + column] : Index(x.pointers[column + 1]);
    while (low < high) {
        const Index middle = low + (high - low) / 2;
        if (Index(x.indices[middle]) < row) low = middle + 1; else high = middle;
    }
    return low;
}

// Entries of each column of the subset, by CSR in a sample of the rows; returns how many rows that is.
inline Index count_columns(const SparseGram& s, const Index* subset, Index* counts) {
    const Design& design = *s.design;
    const Index step = (design.n_rows + 1023) / 1024;
    const bool by_row = design.blocks[0].storage == Storage::csr;
    for (Index j = 0; j < s.n; j++) counts[j] = 0;
    for (Index q = 0, j = 0; q < design.n_blocks; q++) {
        const Block& b = design.blocks[q];
        with_sparse(b, [&](const auto& x) {
            if (!by_row)
                for (; j < s.n && subset[j] < b.first_column + b.n_columns; j++)
                    counts[j] = x.pointers[subset[j] - b.first_column + 1] - x.pointers[subset[j] - b.first_column];
            for (Index i = 0; by_row && i < design.n_rows; i += step)
                for (Index k = x.pointers[i]; k < Index(x.pointers[i + 1]); k++)
                    if (const std::int32_t at = s.code[b.first_column + x.indices[k]]; at >= 0) counts[at]++;
        });
    }
    return by_row && step ? (design.n_rows + step - 1) / step : design.n_rows;
}

// Entries of a piece, in the subset or (CSR) in all columns
inline Index count_piece(const SparseGram& s, const Index* subset, Index piece) {
    const Design& design = *s.design;
    const Index row = piece * piece_rows, end = row + piece_rows < design.n_rows ? row + piece_rows : design.n_rows;
    Index count = 0;
    for (Index q = 0, j = 0; q < design.n_blocks; q++) {
        const Block& b = design.blocks[q];
        with_sparse(b, [&](const auto& x) {
            if (b.storage == Storage::csr) {
                count += Index(x.pointers[end]) - Index(x.pointers[row]);
                return;
            }
            for (; j < s.n && subset[j] < b.first_column + b.n_columns; j++) {
                const Index column = subset[j] - b.first_column;
                count += csc_find(b, x, design, column, end) - csc_find(b, x, design, column, row);
            }
        });
    }
    return count;
}

constexpr Index levels = 1000;  // how often a column has an entry, in thousandths of the rows

// How many columns the head is to have: those that are dense, and as many more as fill the last vector beside the ones.
inline Index head_size(const SparseGram& s, const Index* histogram) {
    constexpr Index dense = W >= 8 ? 170 : W == 4 ? 300 : 500;
    Index n_head = 0;
    for (Index k = dense; k <= levels; k++) n_head += histogram[k];
    n_head = (n_head + W) / W * W - 1;
    return n_head < s.n ? n_head : s.n;
}

inline void put_in_head(SparseGram& s, Index j, Index column) {
    s.head[s.n_head] = j;
    s.code[column] = ~std::int32_t(s.n_head);
    s.place[j] = s.n_head++;
}

// A column is treated as dense where its zeros cost less, a vector at a time, than its entries one by one; with the
// most frequent others that fill the last vector.
inline void choose_head(SparseGram& s, const Index* subset, Index* counts, Index* histogram) {
    const Index rows = count_columns(s, subset, counts);
    for (Index k = 0; k <= levels; k++) histogram[k] = 0;
    for (Index j = 0; j < s.n; j++) {
        counts[j] = counts[j] < rows ? counts[j] * levels / (rows ? rows : 1) : levels;
        histogram[counts[j]]++;
    }
    const Index n_head = head_size(s, histogram);
    Index level = levels, above = 0;  // all columns above the level, and the first few on it
    while (level > 0 && above + histogram[level] <= n_head) above += histogram[level--];
    Index left = n_head - above;
    for (Index j = 0; j < s.n; j++) {
        const bool on_level = counts[j] == level && left > 0;
        left -= on_level;
        if (counts[j] > level || on_level)
            put_in_head(s, j, subset[j]);
        else
            s.place[j] = ~s.n_rest++;
    }
    s.head[s.n_head] = s.place[s.n] = s.n;
    s.place[s.n] = s.n_head;
    s.width = (s.n_head + W) / W * W;
}

// ---- copying a piece

// Sorts a row's entries by position (Shell, CACM 2, 1959) and adds up those of one position; returns how many are left.
inline Index put_in_order(std::uint16_t* positions, double* values, Index n) {
    for (Index gap = n / 2; gap > 0; gap = gap == 2 ? 1 : gap * 5 / 11)
        for (Index k = gap; k < n; k++) {
            const std::uint16_t at = positions[k];
            const double x = values[k];
            Index to = k;
            for (; to >= gap && positions[to - gap] > at; to -= gap) {
                positions[to] = positions[to - gap];
                values[to] = values[to - gap];
            }
            positions[to] = at;
            values[to] = x;
        }
    Index kept = 0;
    for (Index k = 0; k < n; k++) {
        if (kept && positions[kept - 1] == positions[k]) {
            values[kept - 1] += values[k];
            continue;
        }
        positions[kept] = positions[k];
        values[kept++] = values[k];
    }
    return kept;
}

// Entries of one row of a CSR block, without branches: what is not wanted is written too, where it does no harm.
template <class T, class I>
Index csr_row(const Sparse<T, I>& x, Index row, const std::int32_t* code, double root, std::uint32_t width,
              double* dense, std::uint16_t* positions, double* values) {
    Index n = 0;
    for (Index k = x.pointers[row], end = x.pointers[row + 1]; k < end; k++) {
        const std::int32_t at = code[x.indices[k]];
        const double value = double(x.values[k]) * root;
        positions[n] = std::uint16_t(at);
        values[n] = value;
        n += at >= 0;
        const std::uint32_t slot = ~std::uint32_t(at), beside = width + std::uint32_t(k & 7);
        dense[slot < beside ? slot : beside] += value;
    }
    return n;
}

inline bool in_order(const std::uint16_t* positions, Index n) {
    bool good = true;
    for (Index k = 1; k < n; k++) good &= positions[k - 1] < positions[k];
    return good;
}

inline void copy_csr(const SparseGram& s, const Part& part, Index first, Index rows, Index at, const double* root,
                     double* row_memory) {
    const Design& design = *s.design;
    clear(row_memory, s.width + 8);
    for (Index p = first; p < first + rows; p++) {
        const double r = root[p - first];
        Index count = 0;
        for (Index q = 0; q < design.n_blocks; q++) {
            const Block& b = design.blocks[q];
            with_sparse(b, [&](const auto& x) {
                count += csr_row(x, part.row + p, s.code + b.first_column, r, std::uint32_t(s.width), row_memory,
                                 part.positions + at + count, part.values + at + count);
            });
        }
        if (!in_order(part.positions + at, count)) count = put_in_order(part.positions + at, part.values + at, count);
        row_memory[s.n_head] = r;
        for (Index j = 0; j < s.width; j += W) {
            store(part.dense + p * s.width + j, load(row_memory + j));
            store(row_memory + j, V{});
        }
        part.begin[p] = at;
        part.end[p] = at + count;
        for (Index k = at + count; k < at + count + unroll; k++) {
            part.positions[k] = std::uint16_t(s.n);
            part.values[k] = 0.0;
        }
        at += (count + unroll - 1) / unroll * unroll;
    }
}

// An entry of the rest at the end of its row, or added to the one before if that is at the same place
INLINE void append_entry(const Part& part, Index p, Index position, double value) {
    Index& end = part.end[p];
    if (end > part.begin[p] && part.positions[end - 1] == position) {
        part.values[end - 1] += value;
        return;
    }
    part.positions[end] = std::uint16_t(position);
    part.values[end++] = value;
}

// Columns of a piece of CSC, twice: the first walk puts the head in its place and counts the rest, the second puts the
// rest.
struct CscWalk {
    const SparseGram& s;
    const Part& part;
    Index first, rows;   // of the part
    const double* root;
    const Index* subset;
    Index* next;         // by position: the first entry in the piece, which the first walk finds

    // entry(row of the part, value) for those of column `at` of the block, position j of the subset
    template <class T, class I, class F>
    INLINE_MEMBER void each_entry(const Sparse<T, I>& x, Index j, Index at, F&& entry) const {
        const Index row = part.row + first, stop = x.pointers[at + 1];
        for (Index k = next[j]; k < stop && Index(x.indices[k]) < row + rows; k++) {
            const Index p = first + Index(x.indices[k]) - row;
            entry(p, double(x.values[k]) * root[p - first]);
        }
    }

    template <class T, class I>
    void count(const Block& b, const Sparse<T, I>& x, Index j) const {
        const Index at = subset[j] - b.first_column, slot = s.place[j];
        next[j] = csc_find(b, x, *s.design, at, part.row + first);
        if (slot >= 0)
            each_entry(x, j, at, [&](Index p, double value) { part.dense[p * s.width + slot] += value; });
        else
            each_entry(x, j, at, [&](Index p, double) { part.end[p]++; });
    }

    template <class T, class I>
    void fill(const Block& b, const Sparse<T, I>& x, Index j) const {
        if (s.place[j] >= 0) return;
        each_entry(x, j, subset[j] - b.first_column, [&](Index p, double value) { append_entry(part, p, j, value); });
    }

    // column(block, its entries, j) for all of the subset
    template <class F>
    void each_column(F&& column) const {
        for (Index q = 0, j = 0; q < s.design->n_blocks; q++) {
            const Block& b = s.design->blocks[q];
            with_sparse(b, [&](const auto& x) {
                for (; j < s.n && subset[j] < b.first_column + b.n_columns; j++) column(b, x, j);
            });
        }
    }
};

inline void copy_csc(const SparseGram& s, const Part& part, Index first, Index rows, Index at, const double* root,
                     const Index* subset, Index* next) {
    clear(part.dense + first * s.width, rows * s.width);
    for (Index p = first; p < first + rows; p++) {
        part.dense[p * s.width + s.n_head] = root[p - first];
        part.end[p] = 0;
    }
    const CscWalk walk{s, part, first, rows, root, subset, next};
    walk.each_column([&](const Block& b, const auto& x, Index j) { walk.count(b, x, j); });
    for (Index p = first; p < first + rows; p++) {
        const Index count = part.end[p];
        part.begin[p] = part.end[p] = at;
        at += (count + unroll - 1) / unroll * unroll;
    }
    walk.each_column([&](const Block& b, const auto& x, Index j) { walk.fill(b, x, j); });
    for (Index p = first; p < first + rows; p++)
        for (Index k = part.end[p]; k % unroll != 0; k++) {
            part.positions[k] = std::uint16_t(s.n);
            part.values[k] = 0.0;
        }
}

struct PieceMemory {  // of a thread
    double *root, *row;  // sqrt(v) of the rows; CSR: a row of the head
    Index* next;         // CSC: see CscWalk
};

inline PieceMemory cut_piece(Arena& arena, const SparseGram& s) {
    PieceMemory m{};
    m.root = arena.cut(piece_rows);
    m.row = arena.cut(s.width + 8);
    m.next = arena.cut<Index>(s.n);
    return m;
}

inline void copy_piece(const SparseGram& s, const Part& part, Index piece, const Index* subset,
                       const PieceMemory& memory) {
    const Index first = piece * piece_rows, rows = part.rows_of(piece);
    Index at = 0;
    for (Index k = 0; k < piece; k++) at += s.room[part.first_piece + k];
    if (s.design->blocks[0].storage == Storage::csr)
        copy_csr(s, part, first, rows, at, memory.root, memory.row);
    else
        copy_csc(s, part, first, rows, at, memory.root, subset, memory.next);
    std::int32_t* counts = part.counts + piece * s.n;
    for (Index j = 0; j < s.n; j++) counts[j] = 0;
    for (Index p = first; p < first + rows; p++)
        for (Index k = part.begin[p]; k < part.end[p]; k++) counts[part.positions[k]]++;
}

// Where each piece writes into each column's list.
inline void lay_out_lists(const SparseGram& s, const Part& part) {
    const Index pieces = part.pieces();
    std::int32_t at = 0;
    for (Index j = 0; j < s.n; j++) {
        part.lists[j] = at;
        for (Index k = 0; k < pieces; k++) {
            const std::int32_t count = part.counts[k * s.n + j];
            part.counts[k * s.n + j] = at;
            at += count;
        }
    }
    part.lists[s.n] = at;
}

inline void fill_lists(const SparseGram& s, const Part& part, Index piece) {
    const Index first = piece * piece_rows, rows = part.rows_of(piece);
    std::int32_t* next = part.counts + piece * s.n;
    for (Index p = first; p < first + rows; p++)
        for (Index begin = part.begin[p], k = begin; k < part.end[p]; k++)
            part.entries[next[part.positions[k]]++] =
                Listed{std::uint32_t(begin), std::int32_t(k - begin), std::int32_t(p)};
}

}  // namespace
}  // namespace logloss::LOGLOSS_ISA
