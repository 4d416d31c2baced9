// Weighted Gram matrix, sum over rows of v [x-c, 1][x-c, 1]' with v = s p(1-p): the Hessian of the log loss; or with
// the secant curvature in place of p(1-p); or with other weights v: the outer products of scores.
//
// Dense columns are packed, K rows at a time, into panels of NR columns scaled by sqrt(v) (pack.hpp), and multiplied MR
// x NR entries at a time in registers, upper triangle only (Goto & van de Geijn, ACM TOMS 34, 2008): whole vectors
// beyond the last column and left of the diagonal are left out. Rows in C order are asked for while those before them
// are multiplied. Sparse rows add the products of their entries, with each other and with the packed row; where all are
// of codes, as code_gram.hpp says. Tasks are lanes of rows x groups of panels: lanes each have their own sums, so there
// are few of them when the matrix is large, and groups then share out the work. With many columns of codes
// (gram_in_place) the sums of their products are formed where the result is, by ranges of these columns.
#pragma once

#include "code_gram.hpp"
#include "entries.hpp"

namespace logloss::LOGLOSS_ISA {
namespace {

constexpr int MR = W;  // rows of a register block: a block on the diagonal begins with a whole vector

// Memory that is read next, asked for line by line while the rows at hand are multiplied.
struct Coming {
    const char* at;
    const char* end;
};

// M x MR x N vectors of products: rows of entries from each of a[0..M), columns of b
template <int M, int N>
INLINE void multiply(const double* const (&a)[M], const double* b, Index rows, double* c, Index stride,
                     Coming& coming) {
    V sums[M][MR][N] = {};
    const auto add = [&](Index p) __attribute__((always_inline)) {
        V right[N];
        for (int j = 0; j < N; j++) right[j] = load(b + p * NR + j * W);
        for (int h = 0; h < M; h++)
            for (int i = 0; i < MR; i++)
                for (int j = 0; j < N; j++) sums[h][i][j] += right[j] * a[h][p * NR + i];
    };
    const Index lines = (coming.end - coming.at) / 64, asked = lines < rows ? lines : rows;
    for (Index p = 0; p < asked; p++) {
        __builtin_prefetch(coming.at + p * 64, 0, 2);
        add(p);
    }
    for (Index p = asked; p < rows; p++) add(p);
    coming.at += asked * 64;
    for (int h = 0; h < M; h++)
        for (int i = 0; i < MR; i++)
            for (int j = 0; j < N; j++) {
                double* into = c + (h * MR + i) * stride + j * W;
                store(into, load(into) + sums[h][i][j]);
            }
}

// The dense triangle of K rows: panels [first, end) of columns against all rows of entries above them.
inline void multiply_panels(const GramShape& shape, Index first, Index end, Index rows, const double* panels, double* c,
                            Coming& coming) {
    if (shape.n_dense == 0) {
        for (Index p = 0; p < rows; p++) c[0] += panels[p * NR] * panels[p * NR];
        return;
    }
    const auto left = [&](Index i) { return panels + i / NV * NR * K + i % NV * W; };
    for (Index J = first; J < end; J++) {
        const Index stop = (J + 1) * NV < shape.vectors() ? (J + 1) * NV : shape.vectors();
        for (Index i = 0; i < stop; i++) {  // vectors down and across
            const Index j = i > J * NV ? i : J * NV;
            double* into = c + i * W * shape.width + j * W;
            if (stop - j == 1 && i + 1 < stop) {  // one vector across: two down, or each sum would wait for the last
                multiply<2, 1>({left(i), left(i + 1)}, left(j), rows, into, shape.width, coming);
                i++;
                continue;
            }
            with_count<NV>(stop - j, [&](auto count) {
                multiply<1, decltype(count)::value>({left(i)}, left(j), rows, into, shape.width, coming);
            });
        }
    }
}

inline void root_weights(const Observations& rows, const double* linear, bool secant, Index row, Index m,
                         double* root) {
    for (Index i = 0; rows.curvature && i < m; i += W)
        store_some(root + i, square_root(load_some(rows.curvature + row + i, m - i)), m - i);
    if (rows.curvature) return;
    for (Index i = 0; i < m; i += W) {
        const V z = load_some(linear + row + i, m - i);
        const Probability p = probability(z);
        const V q = secant ? secant_curvature(z, load_some(rows.y + row + i, m - i), p) : p.p * p.complement;
        store_some(root + i, square_root(load_weight(rows.weight, row + i, m - i) * q), m - i);
    }
}

// Groups end where the triangle's area is shared evenly.
inline Index group_end(const GramShape& shape, Index n_groups, Index group) {
    const Index n = shape.width / NR;
    Index panel = 0;
    while (panel < n && panel * panel * n_groups < n * n * group) panel++;
    return group == n_groups ? n : panel;
}

// The K rows from `row` on, where they lie side by side.
inline Coming next_rows(const GramShape& shape, Index row, Index end) {
    const Block* b = shape.n_runs ? shape.runs[0].block : nullptr;
    if (!b || b->storage != Storage::rows || b->row_stride <= 0 || row >= end) return {nullptr, nullptr};
    const Index bytes = b->row_stride * type_bytes(b->type), rows = row + K < end ? K : end - row;
    const char* at = static_cast<const char*>(b->data) + row * bytes;
    return {at, at + rows * bytes};
}

struct GramTask {
    Index lane, n_lanes;
    Index first, last;      // panels
    CodeRange codes;
    bool entries;
};

struct TaskMemory {  // of a thread
    double *root, *panels;
    std::int32_t* codes;  // where all maps are of codes; else entries
    Entries entries;
    Index* next;

    static TaskMemory cut(Arena& arena, const GramShape& shape, Index n_columns) {
        TaskMemory m{};
        m.root = arena.cut(K);
        m.panels = arena.cut(shape.width * K);
        if (shape.coded) {
            m.codes = arena.cut<std::int32_t>(code_memory(shape));
        } else {
            m.entries = cut_entries(arena, shape);
            m.next = arena.cut<Index>(n_columns);
        }
        return m;
    }
};

inline void gram_task(const Design& design, const Observations& rows, const double* linear, bool secant,
                      const GramShape& shape, const GramTask& task, const GramSums& sums, const TaskMemory& memory) {
    const Index chunks = (design.n_rows + K - 1) / K;
    const Index begin = task.lane * chunks / task.n_lanes * K, stop = (task.lane + 1) * chunks / task.n_lanes * K;
    const Index end = stop < design.n_rows ? stop : design.n_rows;
    double *root = memory.root, *panels = memory.panels;
    const bool coded = task.codes.first < task.codes.last;
    if (task.entries) {
        memory.entries.clear_latest(shape.n_sparse);
        seek(shape, begin, memory.next);
    }
    for (Index row = begin; row < end; row += K) {
        const Index m = row + K < end ? K : end - row;
        root_weights(rows, linear, secant, row, m, root);
        pack(shape, coded || task.entries ? shape.width / NR : task.last, design.n_rows, row, m, root, panels);
        if (task.first < task.last) {
            Coming coming = next_rows(shape, row + K, end);
            multiply_panels(shape, task.first, task.last, m, panels, sums.dense, coming);
        }
        if (coded) add_codes(shape, task.codes, row, m, root, panels, sums, memory.codes);
        if (!task.entries) continue;
        collect(shape, row, m, root, memory.next, memory.entries);
        for (Index p = 0; p < m; p++) add_products(shape, memory.entries, p, panels, sums);
    }
}

// An element of the lower triangle that is not one of two sparse columns
inline double dense_product(const GramShape& shape, const GramSums& sums, Index a, Index b) {
    if (a >= 0 && b >= 0) return a < b ? sums.dense[a * shape.width + b] : sums.dense[b * shape.width + a];
    return a < 0 ? sums.cross[(-1 - a) * shape.width + b] : sums.cross[(-1 - b) * shape.width + a];
}

inline void assemble(const GramShape& shape, Index n, const GramSums& sums, double* gram) {
    for (Index i = 0; i <= n; i++)
        for (Index j = 0; j <= i; j++) {
            const Index a = shape.place[i], b = shape.place[j];
            double value;
            if (a < 0 && b < 0) {
                value = sums.within[(-1 - a) * sums.stride - 1 - b];
                if (a != b && !shape.coded) value += sums.within[(-1 - b) * sums.stride - 1 - a];
            } else {
                value = dense_product(shape, sums, a, b);
            }
            gram[i * (n + 1) + j] = gram[j * (n + 1) + i] = value;
        }
}

// Rows [first, end) of the lower triangle into the upper one
inline void mirror(Index n, Index first, Index end, double* out) {
    constexpr Index side = 32;
    for (Index right = 0; right < end; right += side)
        for (Index i = first; i < end; i++)
            for (Index j = right, stop = right + side < i ? right + side : i; j < stop; j++)
                out[j * n + i] = out[i * n + j];
}

// Beyond eight, a lane beside sparse columns is to add 64 products to each of its sums: it has to clear and join them.
inline Index worthwhile_lanes(const Design& design, const GramShape& shape, Index lane_size) {
    Index entries = 0;
    for (Index k = 0; k < shape.n_maps; k++) entries += shape.maps[k].block->n_nonzero;
    const Index each = design.n_rows ? entries / design.n_rows + shape.width : 0;
    const Index lanes = (entries * each + design.n_rows * shape.width * shape.width / (2 * W)) / (64 * lane_size);
    return lanes > 8 ? lanes : 8;
}

// Lanes share the rows, as many as 32 MB of sums allow; groups share the panels where that leaves too few tasks.
inline void share_out(const Design& design, const GramShape& shape, Index lane_size, Index& n_lanes, Index& n_groups) {
    const Index codes = shape.n_entries * (12 * shape.n_entries + 3 * shape.width);
    const Index work = design.n_rows * (shape.width * shape.width + (shape.coded ? codes : 64 * shape.n_sparse));
    const Index memory = (Index(1) << 25) / (8 * lane_size);
    const Index chunks = (design.n_rows + K - 1) / K;
    Index lanes = work >> 21;
    if (lanes > memory) lanes = memory > 4 ? memory : 4;
    if (lanes > 32) lanes = 32;
    if (shape.n_sparse && !shape.coded) {
        const Index most = worthwhile_lanes(design, shape, lane_size);
        if (lanes > most) lanes = most;
    }
    if (lanes > chunks) lanes = chunks;
    n_lanes = lanes > 1 ? lanes : 1;
    n_groups = n_lanes < 16 && shape.width > 512 ? shape.width / 256 : 1;
}

struct GramMemory {
    Pieces lanes, threads;
    double* cross;   // and what shares the columns of codes out: where the ranges end, and how often each has a column
    Index* ends;
    double* often;
};

// Few sparse columns: a lane has all sums.
inline void gram_by_lanes(const Design& design, const Observations& rows, const double* linear, bool secant,
                          const GramShape& shape, Index n, double* out, Workspace& workspace, int n_threads) {
    const auto cut_sums = [&](Arena& arena) {
        GramSums sums{};
        sums.dense = arena.cut(shape.width * shape.width);
        sums.stride = shape.sparse_width();
        sums.within = arena.cut(shape.n_sparse * sums.stride);
        sums.cross = arena.cut(shape.n_sparse * shape.width);
        return sums;
    };
    const Index lane_size = size_of(cut_sums);
    Index n_lanes, n_groups;
    share_out(design, shape, lane_size, n_lanes, n_groups);
    const auto cut = [&](Arena& arena) { return TaskMemory::cut(arena, shape, design.n_columns); };
    const Index thread_size = size_of(cut), tasks = n_lanes * n_groups, team = n_threads < tasks ? n_threads : tasks;
    const GramMemory memory = cut_from(workspace, [&](Arena& arena) {
        GramMemory m{};
        m.lanes = arena.cut_pieces(n_lanes, lane_size);
        m.threads = arena.cut_pieces(team, thread_size);
        return m;
    });
    const auto sums_of = [&](Index lane) {
        Arena arena(memory.lanes[lane]);
        return cut_sums(arena);
    };
    parallel(n_lanes, n_threads, [&](Index lane, int) { clear(memory.lanes[lane], lane_size); });
    parallel(tasks, int(team), [&](Index task, int thread) {
        const Index lane = task / n_groups, group = n_groups - 1 - task % n_groups;
        const bool sparse = shape.n_maps > 0 && group == 0;
        const GramTask which{lane, n_lanes, group_end(shape, n_groups, group), group_end(shape, n_groups, group + 1),
                             {0, sparse && shape.coded ? shape.n_maps : 0}, sparse && !shape.coded};
        Arena arena(memory.threads[thread]);
        gram_task(design, rows, linear, secant, shape, which, sums_of(lane), cut(arena));
    });
    join_in_parts(memory.lanes, n_lanes, n_threads);
    assemble(shape, n, sums_of(0), out);
}

// Many columns of codes; the shape is `spread`.
inline void gram_in_place(const Design& design, const Observations& rows, const double* linear, bool secant,
                          const GramShape& shape, Index n, double* out, Workspace& workspace, int n_threads) {
    const Index dense_size = padded(shape.width * shape.width);
    const Index ranges = n_threads < shape.n_maps ? n_threads : shape.n_maps;
    Index n_lanes, n_groups;
    share_out(design, shape, dense_size, n_lanes, n_groups);
    const auto cut = [&](Arena& arena) { return TaskMemory::cut(arena, shape, 0); };
    const Index thread_size = size_of(cut), dense_tasks = n_lanes * n_groups;
    const GramMemory memory = cut_from(workspace, [&](Arena& arena) {
        GramMemory m{};
        m.lanes = arena.cut_pieces(n_lanes, dense_size);
        m.cross = arena.cut(n * shape.width);
        m.threads = arena.cut_pieces(n_threads, thread_size);
        m.ends = arena.cut<Index>(shape.n_maps);
        m.often = arena.cut(shape.n_maps);
        return m;
    });
    const Index* ends = memory.ends;
    double* cross = memory.cross;
    share_codes(shape, design.n_rows, ranges, memory.ends, memory.often);
    const Index each = 16, pieces = n / each + 1;
    const auto rows_of = [&](Index piece, auto&& f) {
        for (Index i = piece * each; i < (piece + 1) * each && i <= n; i++) f(i);
    };
    clear(memory.lanes.first, n_lanes * dense_size);
    parallel(pieces, n_threads, [&](Index piece, int) {
        rows_of(piece, [&](Index i) {
            clear(out + i * (n + 1), n + 1);
            if (i < n) clear(cross + i * shape.width, shape.width);
        });
    });
    parallel(ranges + dense_tasks, n_threads, [&](Index task, int thread) {
        GramTask which{0, 1, 0, 0, {0, 0}, false};
        if (task < ranges) {
            which.codes = {task ? ends[task - 1] : 0, ends[task]};
        } else {
            const Index k = task - ranges, group = n_groups - 1 - k % n_groups;
            const Index first = group_end(shape, n_groups, group), last = group_end(shape, n_groups, group + 1);
            which = {k / n_groups, n_lanes, first, last, {0, 0}, false};
        }
        const GramSums sums{memory.lanes[which.lane], out, n + 1, cross};
        Arena arena(memory.threads[thread]);
        gram_task(design, rows, linear, secant, shape, which, sums, cut(arena));
    });
    join_in_parts(memory.lanes, n_lanes, n_threads);
    const GramSums sums{memory.lanes[0], out, n + 1, cross};
    parallel(pieces, n_threads, [&](Index piece, int) {
        rows_of(piece, [&](Index i) {
            for (Index j = 0; j <= i; j++)
                if (const Index a = shape.place[i], b = shape.place[j]; a >= 0 || b >= 0)
                    out[i * (n + 1) + j] = dense_product(shape, sums, a, b);
        });
    });
    parallel(pieces, n_threads, [&](Index piece, int) {
        const Index end = (piece + 1) * each;
        mirror(n + 1, piece * each, end < n + 1 ? end : n + 1, out);
    });
}

void gram(const Design& design, const Observations& rows, const double* linear, bool secant, const double* center,
          const Index* subset, Index n, double* out, Workspace& workspace, int n_threads) {
    constexpr Index many = 360;  // a lane's sums would leave the second-level cache
    GramPlan plan = plan_memory(design, n, workspace);
    GramShape shape;
    describe(design, center, subset, n, false, shape, plan);
    if (!shape.coded || shape.n_sparse <= many)
        return gram_by_lanes(design, rows, linear, secant, shape, n, out, workspace, n_threads);
    describe(design, center, subset, n, true, shape, plan);
    gram_in_place(design, rows, linear, secant, shape, n, out, workspace, n_threads);
}

}  // namespace
}  // namespace logloss::LOGLOSS_ISA
