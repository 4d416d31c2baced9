// Weighted Gram matrix of a subset of the columns of a sparse design, see gram.hpp for what it is.
//
// The rows are taken in parts that stay in the second-level cache, copied as sparse_part.hpp says. Row i of the result,
// by the columns of the rest, is then a sum of sparse vectors,
//
//   G[i, :i] += x_ki x_k[:i]  over the rows k of column i's list
//
// (Gustavson, ACM TOMS 4, 1978), during which G[i] stays in the first-level cache; the head's products with it are
// whole vectors. Each task owns rows of the result and walks the data in order, so there is nothing to join, and any
// number of threads gives the same bits.
#pragma once

#include "sparse_part.hpp"

namespace logloss::LOGLOSS_ISA {
namespace {

// ---- multiplying

// W x N vectors of products of dense columns
template <int N>
void multiply_dense(const double* a, const double* b, Index rows, Index stride, double* c) {
    V sums[W][N] = {};
    for (Index p = 0; p < rows; p++) {
        V right[N];
        for (int j = 0; j < N; j++) right[j] = load(b + p * stride + j * W);
        for (int i = 0; i < W; i++)
            for (int j = 0; j < N; j++) sums[i][j] += right[j] * a[p * stride + i];
    }
    for (int i = 0; i < W; i++)
        for (int j = 0; j < N; j++) store(c + i * stride + j * W, load(c + i * stride + j * W) + sums[i][j]);
}

inline void head_with_head(const SparseGram& s, const Part& part, Index i, double* sums) {
    for (Index j = i; j < s.width; j += 2 * W) {
        double* into = sums + i * s.width + j;
        if (j + W < s.width)
            multiply_dense<2>(part.dense + i, part.dense + j, part.rows, s.width, into);
        else
            multiply_dense<1>(part.dense + i, part.dense + j, part.rows, s.width, into);
    }
}

// into[positions] += x values, for n > 0 entries; in whole groups: what comes after the n-th falls above the diagonal.
INLINE void add_scaled(double x, const double* values, const std::uint16_t* positions, Index n, double* into) {
    Index k = 0;
    do {  // the positions of a group differ, or are those of zeros
        double sums[unroll];
        for (int h = 0; h < unroll; h++) sums[h] = into[positions[k + h]] + x * values[k + h];
        for (int h = 0; h < unroll; h++) into[positions[k + h]] = sums[h];
        k += unroll;
    } while (k < n);
}

// Column i of the rest with the head and with the columns of the rest up to itself
inline void multiply_column(const SparseGram& s, const Part& part, Index i, double* with_head, double* with_rest) {
    const Listed* e = part.entries + part.lists[i];
    const Listed* const stop = part.entries + part.lists[i + 1];
    for (; e + 4 <= stop; e += 4) {
        double x[4];
        const double* dense[4];
        for (int h = 0; h < 4; h++) {
            const Index begin = e[h].begin;
            x[h] = part.values[begin + e[h].index];
            dense[h] = part.dense + e[h].row * s.width;
            add_scaled(x[h], part.values + begin, part.positions + begin, e[h].index + 1, with_rest);
        }
        for (Index j = 0; j < s.width; j += W) {
            const V low = load(dense[0] + j) * x[0] + load(dense[1] + j) * x[1];
            const V high = load(dense[2] + j) * x[2] + load(dense[3] + j) * x[3];
            store(with_head + j, load(with_head + j) + (low + high));
        }
    }
    for (; e < stop; e++) {
        const Index begin = e->begin;
        const double x = part.values[begin + e->index];
        const double* dense = part.dense + e->row * s.width;
        add_scaled(x, part.values + begin, part.positions + begin, e->index + 1, with_rest);
        for (Index j = 0; j < s.width; j += W) store(with_head + j, load(with_head + j) + load(dense + j) * x);
    }
}

// ---- the whole

// Row i of the lower triangle from the three kinds of products; those of the rest lie there already.
inline void complete_row(const SparseGram& s, Index i, const double* head_sums, const double* cross, double* out) {
    double* row = out + i * (s.n + 1);
    const Index place = s.place[i];
    if (place < 0) {
        for (Index k = 0; s.head[k] < i; k++) row[s.head[k]] = cross[~place * s.width + k];
        return;
    }
    for (Index j = 0; j <= i; j++)
        row[j] = s.place[j] < 0 ? cross[~s.place[j] * s.width + place] : head_sums[s.place[j] * s.width + place];
}

// How much each piece may hold, and so how many pieces make a part; returns what a part may hold.
inline Index size_parts(SparseGram& s, const Index* subset, int n_threads) {
    constexpr Index each = 16;
    parallel((s.n_pieces + each - 1) / each, n_threads, [&](Index task, int) {
        for (Index k = task * each; k < (task + 1) * each && k < s.n_pieces; k++)
            s.room[k] = (count_piece(s, subset, k) + unroll - 1) / unroll * unroll + unroll * piece_rows;
    });
    Index total = 0, most = 0;
    for (Index k = 0; k < s.n_pieces; k++) total += s.room[k];
    const Index size = s.n_pieces ? total / s.n_pieces * 3 / 2 + piece_rows * s.width : 1;
    s.pieces = part_size / (size ? size : 1);
    s.pieces = s.pieces < 2 ? 2 : s.pieces > 32 ? 32 : s.pieces;
    for (Index k = 0; k < s.n_pieces; k += s.pieces) {
        Index sum = 0;
        for (Index h = k; h < k + s.pieces && h < s.n_pieces; h++) sum += s.room[h];
        most = sum > most ? sum : most;
    }
    return most;
}

inline SparseGram describe_sparse(const Design& design, const Index* subset, Index n, Workspace& workspace) {
    SparseGram s{};
    s.design = &design;
    s.n = n;
    s.n_pieces = (design.n_rows + piece_rows - 1) / piece_rows;
    struct Counts {
        Index *columns, *histogram;
    };
    const Counts counts = cut_from(workspace, [&](Arena& arena) {
        s.code = arena.cut<std::int32_t>(design.n_columns);
        s.head = arena.cut<Index>(n + 1);
        s.place = arena.cut<Index>(n + 1);
        s.room = arena.cut<Index>(s.n_pieces);
        return Counts{arena.cut<Index>(n), arena.cut<Index>(levels + 1)};
    });
    for (Index j = 0; j < design.n_columns; j++) s.code[j] = absent;
    for (Index j = 0; j < n; j++) s.code[subset[j]] = std::int32_t(j);
    choose_head(s, subset, counts.columns, counts.histogram);
    return s;
}

struct SparseSums {
    double* head;   // width x width
    double* cross;  // n_rest x width
    double* out;    // (n + 1) x (n + 1); above the diagonal it holds nothing of use until the end
    static constexpr Index each = 16;  // rows that are one task
    template <class F>
    void each_row(Index range, Index end, F&& f) const {
        for (Index i = range * each; i < (range + 1) * each && i < end; i++) f(i);
    }
};

struct SparseMemory {
    SparseSums sums;
    Part part;
    Pieces threads;
};

inline void multiply_part(const SparseGram& s, const Part& part, const SparseSums& sums, int n_threads) {
    const Index ranges = (s.n + SparseSums::each - 1) / SparseSums::each, dense = s.width / W;
    parallel(dense + ranges, n_threads, [&](Index task, int) {
        if (task < dense) return head_with_head(s, part, task * W, sums.head);
        sums.each_row(dense + ranges - 1 - task, s.n, [&](Index i) {  // the longest sums first
            if (s.place[i] < 0)
                multiply_column(s, part, i, sums.cross + ~s.place[i] * s.width, sums.out + i * (s.n + 1));
        });
    });
}

void sparse_gram(const Design& design, const Observations& rows, const double* linear, bool secant, const Index* subset,
                 Index n, double* out, Workspace& workspace, int n_threads) {
    SparseGram s = describe_sparse(design, subset, n, workspace);
    const Index most = size_parts(s, subset, n_threads);
    const Index part_rows = s.pieces * piece_rows, thread_size = size_of([&](Arena& a) { return cut_piece(a, s); });
    SparseMemory memory = cut_from(workspace, [&](Arena& arena) {
        SparseMemory m{};
        m.sums.head = arena.cut(s.width * s.width);
        m.sums.cross = arena.cut(s.n_rest * s.width);
        m.sums.out = out;
        m.part = cut_part(arena, s, part_rows, most);
        m.threads = arena.cut_pieces(n_threads, thread_size);
        return m;
    });
    const SparseSums& sums = memory.sums;
    Part& part = memory.part;
    const Index ranges = (n + SparseSums::each) / SparseSums::each;
    clear(sums.head, s.width * s.width);
    parallel(ranges, n_threads, [&](Index range, int) {
        sums.each_row(range, n + 1, [&](Index i) { clear(out + i * (n + 1), n + 1); });
        sums.each_row(range, s.n_rest, [&](Index i) { clear(sums.cross + i * s.width, s.width); });
    });
    for (Index first = 0; first < s.n_pieces; first += s.pieces) {
        const Index row = first * piece_rows;
        part.first_piece = first;
        part.row = row;
        part.rows = row + part_rows < design.n_rows ? part_rows : design.n_rows - row;
        parallel(part.pieces(), n_threads, [&](Index k, int thread) {
            Arena arena(memory.threads[thread]);
            const PieceMemory own = cut_piece(arena, s);
            root_weights(rows, linear, secant, row + k * piece_rows, part.rows_of(k), own.root);
            copy_piece(s, part, k, subset, own);
        });
        lay_out_lists(s, part);
        parallel(part.pieces(), n_threads, [&](Index k, int) { fill_lists(s, part, k); });
        multiply_part(s, part, sums, n_threads);
    }
    parallel(ranges, n_threads, [&](Index range, int) {
        sums.each_row(range, n + 1, [&](Index i) { complete_row(s, i, sums.head, sums.cross, out); });
    });
    parallel(ranges, n_threads, [&](Index range, int) {
        const Index end = (range + 1) * SparseSums::each;
        mirror(n + 1, range * SparseSums::each, end < n + 1 ? end : n + 1, out);
    });
}

// All blocks by rows, or all by columns; and not so few entries a row, and so few columns, that sums of rows are as
// quick.
inline bool is_sparse_gram(const Design& design, Index n) {
    if (design.n_blocks == 0 || n >= most_positions) return false;
    const Storage storage = design.blocks[0].storage;
    Index n_nonzero = 0;
    for (Index k = 0; k < design.n_blocks; k++) {
        if (design.blocks[k].storage != storage) return false;
        n_nonzero += design.blocks[k].n_nonzero;
    }
    const bool small = n * n <= Index(1) << 17 && n_nonzero <= 16 * design.n_rows;
    return (storage == Storage::csr || storage == Storage::csc) && !small;
}

// The Gram matrix by what suits the design.
void any_gram(const Design& design, const Observations& rows, const double* linear, bool secant, const double* center,
              const Index* subset, Index n, double* out, Workspace& workspace, int n_threads) {
    if (is_sparse_gram(design, n))
        return sparse_gram(design, rows, linear, secant, subset, n, out, workspace, n_threads);
    gram(design, rows, linear, secant, center, subset, n, out, workspace, n_threads);
}

}  // namespace
}  // namespace logloss::LOGLOSS_ISA
