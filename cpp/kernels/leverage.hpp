// What leaving a row out does to its own prediction, from one factor of the Hessian.
//
//   leverages       h_i = |a + sum_j (x_ij - c_j) A_j|^2: with the rows A_j of the inverse of a triangular factor, and
//                   a that of the ones, h_i = x_i'M^-1 x_i. Rows are packed as for the Gram matrix; eight of them at a
//                   time are multiplied by a vector of columns of A, which is triangular: columns of A that are zero
//                   are left out.
//   inverse_factor  that factor
//   leave_one_out   the log odds of each row under the fit to the others, to second order (leave_one_out.py)
#pragma once

#include "gram.hpp"
#include "solve.hpp"
#include "vectors.hpp"

namespace logloss::LOGLOSS_ISA {
namespace {

// Turns a lower triangle L, with zeros in the row and column of an alias, into its inverse T, some rows at a time.
//
// T_ij = -sum_{j <= k < i} L_ik T_kj / L_ii are dot products of rows, with T' built up above the diagonal: some rows of
// L stay in cache while all of T' goes by. L_ij is not needed for later columns, so that T_ij takes its place.

// Columns [j, j + B) of the rows [begin, end): what L_ik T_kj of the columns k before `begin` add up to
INLINE void subtract_earlier(double* a, Index n, Index begin, Index end, Index j, const double* pivots) {
    for (Index i = begin; i < end; i++)
        for (Index c = j; c < j + B; c++) {
            double s = a[i * n + c] * pivots[c];
            for (Index k = c + 1; k < j + B; k++) s += a[i * n + k] * a[c * n + k];
            a[i * n + c] = -s;
        }
    Index i = begin;
    for (; i + B <= end; i += B) subtract_products<B, B>(a, n, i, j, j + B, begin);
    for (; i < end; i++) subtract_products<1, B>(a, n, i, j, j + B, begin);
}

// Row i: those of the columns k from `begin` on too, and the division
INLINE void finish_row(double* a, Index n, Index begin, Index i, const double* pivots) {
    double* row = a + i * n;
    for (Index k = begin; k < i; k++)
        for (Index j = 0; j < begin; j++) row[j] -= row[k] * a[k * n + j];
    for (Index j = 0; j < begin; j++) a[j * n + i] = row[j] *= pivots[i];
    for (Index j = begin; j < i; j++) {
        double s = row[j] * pivots[j];
        for (Index k = j + 1; k < i; k++) s += row[k] * a[j * n + k];
        a[j * n + i] = row[j] = -s * pivots[i];
    }
}

inline void invert_triangle(double* a, Index n, double* pivots) {
    constexpr Index tile = 4 * B;
    for (Index i = 0; i < n; i++) pivots[i] = a[i * n + i] > 0 ? 1.0 / a[i * n + i] : 0.0;
    for (Index begin = 0; begin < n; begin += tile) {
        const Index end = begin + tile <= n ? begin + tile : n;
        for (Index j = 0; j < begin; j += B) subtract_earlier(a, n, begin, end, j, pivots);
        for (Index i = begin; i < end; i++) finish_row(a, n, begin, i, pivots);
    }
    for (Index i = 0; i < n; i++) {
        a[i * n + i] = pivots[i];
        for (Index j = i + 1; j < n; j++) a[i * n + j] = 0.0;
    }
}

// H = (L D)(L D)' with D = 1/scale, as solve() factors it; in its place (L D)^-1, lower triangular. A column that is a
// combination of earlier ones (an alias) gets a zero row and column. Returns the rank. `memory`: 2 n.
Index inverse_factor(double* a, Index n, double tolerance, double* memory) {
    double *scale = memory, *pivots = memory + n;
    for (Index i = 0; i < n; i++) scale[i] = a[i * n + i] > 0 ? 1.0 / __builtin_sqrt(a[i * n + i]) : 0.0;
    for (Index i = 0; i < n; i++)
        for (Index j = 0; j <= i; j++) a[i * n + j] *= scale[i] * scale[j];
    const Index rank = factor(a, n, tolerance);
    invert_triangle(a, n, pivots);
    for (Index i = 0; i < n; i++)
        for (Index j = 0; j <= i; j++) a[i * n + j] *= scale[j];
    return rank;
}

constexpr int rows_at_once = 8;

struct Inverse {           // in packed order
    const double* dense;   // (n_dense, width)
    const double* sparse;  // (n_sparse, width)
    const double* ones;    // (width)
    const Index* enters;   // (width / W): how many of the dense columns are not zero in a vector of columns of A
    const Index* begins;   // (n_sparse): the first vector in which a sparse column is not zero
    Index width;
};

// norms[r] = |y_r|^2, y = `start` + the dense columns of eight rows
INLINE void add_dense(const Inverse& inverse, const double* panels, Index p, const double* start, Index start_stride,
                      double* norms) {
    V squares[rows_at_once] = {};
    for (Index v = 0; v < inverse.width / W; v++) {
        V y[rows_at_once];
        for (int r = 0; r < rows_at_once; r++) y[r] = load(start + r * start_stride + v * W);
        const Index count = inverse.enters[v];
        for (Index first = 0; first < count; first += NR) {
            const double* x = panels + first * K + p * NR;
            const double* a = inverse.dense + first * inverse.width + v * W;
            const Index length = count - first < NR ? count - first : NR;
            for (Index j = 0; j < length; j++) {
                const V aj = load(a + j * inverse.width);
                for (int r = 0; r < rows_at_once; r++) y[r] += aj * x[r * NR + j];
            }
        }
        for (int r = 0; r < rows_at_once; r++) squares[r] += y[r] * y[r];
    }
    for (int first = 0; first < rows_at_once; first += W) {
        V square[W], total{};
        for (int r = 0; r < W; r++) square[r] = squares[first + r];
        transpose(square);
        for (int r = 0; r < W; r++) total += square[r];
        store(norms + first, total);
    }
}

inline void add_entries(const Inverse& inverse, const Entries& e, Index p, double* y) {
    for (Index j = 0; j < inverse.width; j++) y[j] = inverse.ones[j];
    for (Index k = 0; k < e.count[p]; k++) {
        const Index at = e.position[p * e.capacity + k];
        const double x = e.value[p * e.capacity + k];
        const double* a = inverse.sparse + at * inverse.width;
        for (Index j = inverse.begins[at] * W; j < inverse.width; j += W) store(y + j, load(y + j) + load(a + j) * x);
    }
}

struct LeverageMemory {  // of a thread
    double *ones, *panels;
    double* y;             // rows_at_once rows of the sparse columns' part
    Entries entries;
    Index* next;

    static LeverageMemory cut(Arena& arena, const GramShape& shape, const Inverse& inverse, Index n_columns) {
        LeverageMemory m{};
        m.ones = arena.cut(K);
        m.panels = arena.cut(shape.width * K);
        m.y = arena.cut(rows_at_once * inverse.width);
        m.entries = cut_entries(arena, shape);
        m.next = arena.cut<Index>(n_columns);
        return m;
    }
};

// Eight rows, or as many as there are, of the K that are packed
INLINE void leverage_rows(const GramShape& shape, const Inverse& inverse, const LeverageMemory& memory, Index p,
                          Index rows, double* out) {
    double norms[rows_at_once];
    for (Index r = 0; r < rows && shape.n_maps; r++)
        add_entries(inverse, memory.entries, p + r, memory.y + r * inverse.width);
    const double* start = shape.n_maps ? memory.y : inverse.ones;
    add_dense(inverse, memory.panels, p, start, shape.n_maps ? inverse.width : 0, norms);
    for (Index r = 0; r < rows; r++) out[r] = norms[r];
}

INLINE void ask_for_lines(Coming& coming, Index lines) {
    for (Index k = 0; k < lines && coming.at < coming.end; k++, coming.at += 64) __builtin_prefetch(coming.at, 0, 2);
}

inline void leverage_lane(const GramShape& shape, const Inverse& inverse, Index n_rows, Index begin, Index end,
                          const LeverageMemory& memory, double* out) {
    memory.entries.clear_latest(shape.n_sparse);
    for (Index p = 0; p < K; p++) memory.ones[p] = 1.0;
    clear(memory.panels, shape.width * K);
    if (shape.n_maps) seek(shape, begin, memory.next);
    for (Index row = begin; row < end; row += K) {
        const Index m = row + K < end ? K : end - row;
        pack(shape, shape.width / NR, n_rows, row, m, memory.ones, memory.panels);
        if (shape.n_maps) collect(shape, row, m, memory.ones, memory.next, memory.entries);
        Coming coming = next_rows(shape, row + K, end);
        const Index lines = (coming.end - coming.at) / 64 * rows_at_once / m + 1;
        for (Index p = 0; p < m; p += rows_at_once) {
            ask_for_lines(coming, lines);
            const Index rows = m - p < rows_at_once ? m - p : rows_at_once;
            leverage_rows(shape, inverse, memory, p, rows, out + row + p);
        }
    }
}

// The rows of the triangle where the packed columns have them.
inline Inverse pack_inverse(const GramShape& shape, Index n, const double* triangle, Workspace& workspace) {
    const Index width = padded(n + 1), vectors = width / W;
    struct Parts {
        double *dense, *sparse, *ones;
        Index *enters, *begins;
    };
    const Parts to = cut_from(workspace, [&](Arena& arena) {
        Parts parts{};
        parts.dense = arena.cut(shape.n_dense * width);
        parts.sparse = arena.cut(shape.n_sparse * width);
        parts.ones = arena.cut(width);
        parts.enters = arena.cut<Index>(vectors);
        parts.begins = arena.cut<Index>(n + 1);
        return parts;
    });
    for (Index v = 0; v < vectors; v++) to.enters[v] = 0;
    const auto put = [&](Index k, double* row) {
        for (Index j = 0; j < width; j++) row[j] = j <= n ? triangle[k * (n + 1) + j] : 0.0;
    };
    put(n, to.ones);
    for (Index k = 0; k < n; k++) {
        const Index at = shape.place[k];
        put(k, at >= 0 ? to.dense + at * width : to.sparse + (-1 - at) * width);
        if (at < 0) to.begins[-1 - at] = k / W;
        for (Index v = k / W; at >= 0 && v < vectors; v++) to.enters[v] = at + 1;
    }
    return {to.dense, to.sparse, to.ones, to.enters, to.begins, width};
}

// `triangle`: (n + 1) x (n + 1), row k the A of column k of the subset, zero before k; the last row that of the ones,
// full.
void leverages(const Design& design, const double* center, const Index* subset, Index n, const double* triangle,
               double* out, Workspace& workspace, int n_threads) {
    GramPlan plan = plan_memory(design, n, workspace);
    GramShape shape;
    describe(design, center, subset, n, false, shape, plan);
    const Inverse inverse = pack_inverse(shape, n, triangle, workspace);

    const Index chunks = (design.n_rows + K - 1) / K, lanes = chunks < 64 ? chunks : 64;
    const auto cut = [&](Arena& arena) { return LeverageMemory::cut(arena, shape, inverse, design.n_columns); };
    const Index team = n_threads < lanes ? n_threads : lanes, thread_size = size_of(cut);
    const Pieces threads = cut_from(workspace, [&](Arena& arena) { return arena.cut_pieces(team, thread_size); });
    parallel(lanes, int(team), [&](Index lane, int thread) {
        const Index begin = lane * chunks / lanes * K, stop = (lane + 1) * chunks / lanes * K;
        const Index end = stop < design.n_rows ? stop : design.n_rows;
        Arena arena(threads[thread]);
        leverage_lane(shape, inverse, design.n_rows, begin, end, cut(arena), out);
    });
}

// z~ - z = k r h / (1 - k q h) for each row (inf where 1 - k q h is not positive), k the row's weight or 1, at z =
// linear - xi; the sum of s*bce(y, z~), and how many rows move by more than `limit`.
LeftOut leave_one_out(Index n_rows, const Observations& rows, const double* linear, const double* xi,
                      const double* leverage, bool whole, double limit, double* shift, Workspace& workspace,
                      int n_threads) {
    double totals[2];
    sum_rows(n_rows, 2, totals, workspace, n_threads, [&](Index begin, Index end, double* sums) {
        V total{}, far{};
        for (Index i = begin; i < end; i += W) {
            const Index n = end - i;
            const V s = load_weight(rows.weight, i, n), y = load_some(rows.y + i, n);
            const V z = xi ? load_some(linear + i, n) - load_some(xi + i, n) : load_some(linear + i, n);
            const Probability p = probability(z);
            const V kh = load_some(leverage + i, n) * (whole ? s : splat(1.0));
            const V left = 1.0 - kh * p.p * p.complement, r = residual(p, y), infinite = splat(__builtin_inf());
            V moved = kh * r / left;
            moved = left > 0.0 ? moved : (r > 0.0 ? infinite : (r < 0.0 ? -infinite : V{}));
            if (shift) store_some(shift + i, moved, n);
            const V there = z + moved;
            total += s == 0.0 ? V{} : s * bce(there, y, exp_nonpositive(-absolute(there)));
            far += s == 0.0 ? V{} : (absolute(moved) <= limit ? V{} : splat(1.0));
        }
        sums[0] += sum(total);
        sums[1] += sum(far);
    });
    return {totals[0], totals[1]};
}

}  // namespace
}  // namespace logloss::LOGLOSS_ISA
