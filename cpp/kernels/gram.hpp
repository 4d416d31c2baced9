// Weighted Gram matrix, sum over rows of v [x-c, 1][x-c, 1]' with v = s p(1-p): the Hessian of the log loss; or with the
// secant curvature in place of p(1-p); or with other weights v: the outer products of scores.
//
// Dense columns are packed, K rows at a time, into panels of NR columns scaled by sqrt(v) (pack.hpp), and multiplied MR x
// NR entries at a time in registers, upper triangle only (Goto & van de Geijn, ACM TOMS 34, 2008): whole vectors beyond the
// last column and left of the diagonal are left out. Rows in C order are asked for while those before them are multiplied.
// Sparse rows add the products of their entries, with each other and with the packed row. Tasks are lanes of rows x groups
// of panels: lanes each have their own sums, so there are few of them when the matrix is large, and groups then share out
// the work.
#pragma once

#include "pack.hpp"

namespace logloss::LOGLOSS_ISA {
namespace {

constexpr int MR = W;  // rows of a register block: a block on the diagonal begins with a whole vector

struct SparseMap {  // of one sparse block: its column -> row of the sparse part, or -1
    const Block* block;
    Index* position;
};

struct GramShape {
    Index n_dense, width;   // dense columns; width = those and the ones, padded to panels
    Index vectors() const { return n_dense / W + 1; }
    Index n_sparse;
    Index n_runs, n_maps;
    const Run* runs;
    const SparseMap* maps;
    const double* center;   // by packed position
    Index n_lanes, n_groups;
    Index lane_size() const { return width * width + padded(n_sparse * (n_sparse + width)); }
};

// Memory that is read next, asked for line by line while the rows at hand are multiplied.
struct Coming {
    const char* at;
    const char* end;
};

// M x MR x N vectors of products: rows of entries from each of a[0..M), columns of b
template <int M, int N>
INLINE void multiply(const double* const (&a)[M], const double* b, Index rows, double* c, Index stride, Coming& coming) {
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

// Panels [0, end) of K rows
inline void pack(const GramShape& shape, Index end, Index n_rows, Index row, Index rows, const double* root, double* panels) {
    for (Index k = 0; k < shape.n_runs; k++) {
        const Run& run = shape.runs[k];
        const Index panel = run.position / NR, inside = run.position % NR;
        if (panel >= end) continue;
        const Index whole = (run.length + W - 1) / W * W;
        pack_run(run, n_rows, row, Packed{shape.center + run.position, root, panels + panel * NR * K + inside, rows, run.length,
                                          inside + whole <= NR ? whole : run.length / W * W});
    }
    const Index last = shape.n_dense / NR;
    if (last < end) pack_ones(shape.n_dense % NR, rows, root, panels + last * NR * K);
}

// The entries of K rows over all sparse blocks, row by row, as positions and sqrt(v)-scaled values.
struct Entries {
    Index* position;
    double* value;
    Index* count;     // (K)
    Index capacity;   // of a row
    Index* latest;    // (capacity) by position: the entry last added there
    void add(Index p, Index at, double x) const {
        const Index k = latest[at], first = p * capacity;
        if (k >= first && k < first + count[p] && position[k] == at) {  // a place given twice: its values add up
            value[k] += x;
            return;
        }
        latest[at] = first + count[p]++;
        position[latest[at]] = at;
        value[latest[at]] = x;
    }
};

inline Index entries_size(Index n_sparse) { return 2 * K * n_sparse + K + n_sparse; }

inline Entries entries_in(double* memory, Index n_sparse) {
    Entries e{};
    e.capacity = n_sparse;
    e.value = memory;
    e.position = reinterpret_cast<Index*>(e.value + K * n_sparse);
    e.count = e.position + K * n_sparse;
    e.latest = e.count + K;
    for (Index k = 0; k < n_sparse; k++) e.latest[k] = -1;
    return e;
}

template <class T, class I>
void csr_entries(const Sparse<T, I>& x, const Index* position, Index row, Index rows, const double* root,
                 const Entries& out) {
    for (Index p = 0; p < rows; p++)
        for (Index k = x.pointers[row + p], end = x.pointers[row + p + 1]; k < end; k++)
            if (const Index at = position[x.indices[k]]; at >= 0) out.add(p, at, double(x.values[k]) * root[p]);
}

template <class T, class I>
void csc_entries(const Sparse<T, I>& x, const Index* position, Index d, Index row, Index rows, const double* root,
                 Index* next, const Entries& out) {
    for (Index j = 0; j < d; j++) {
        const Index end = x.pointers[j + 1];
        Index k = next[j];
        for (; k < end && Index(x.indices[k]) < row + rows; k++) {
            const Index p = Index(x.indices[k]) - row;
            if (position[j] >= 0) out.add(p, position[j], double(x.values[k]) * root[p]);
        }
        next[j] = k;
    }
}

template <class T, class I>
void csc_seek(const Sparse<T, I>& x, Index d, Index row, Index* next) {
    for (Index j = 0; j < d; j++) {
        Index low = x.pointers[j], high = x.pointers[j + 1];
        while (low < high) {
            const Index middle = low + (high - low) / 2;
            if (Index(x.indices[middle]) < row) low = middle + 1; else high = middle;
        }
        next[j] = low;
    }
}

inline void collect(const GramShape& shape, Index row, Index rows, const double* root, Index* next, const Entries& out) {
    for (Index p = 0; p < rows; p++) out.count[p] = 0;
    for (Index k = 0; k < shape.n_maps; k++) {
        const SparseMap& map = shape.maps[k];
        const Block& b = *map.block;
        with_sparse(b, [&](const auto& x) {
            if (b.storage == Storage::csr)
                csr_entries(x, map.position, row, rows, root, out);
            else
                csc_entries(x, map.position, b.n_columns, row, rows, root, next, out);
        });
        if (b.storage == Storage::csc) next += b.n_columns;
    }
}

inline void seek(const GramShape& shape, Index row, Index* next) {
    for (Index k = 0; k < shape.n_maps; k++) {
        const Block& b = *shape.maps[k].block;
        if (b.storage != Storage::csc) continue;
        with_sparse(b, [&](const auto& x) { csc_seek(x, b.n_columns, row, next); });
        next += b.n_columns;
    }
}

// Products of a row's entries with each other and with its packed dense values (the ones among them).
inline void add_products(const GramShape& shape, const Entries& e, Index p, const double* panels, double* within,
                         double* cross) {
    const Index* position = e.position + p * e.capacity;
    const double* value = e.value + p * e.capacity;
    for (Index a = 0; a < e.count[p]; a++) {
        const double x = value[a];
        double* row = within + position[a] * shape.n_sparse;
        for (Index b = a; b < e.count[p]; b++) row[position[b]] += x * value[b];
        double* side = cross + position[a] * shape.width;
        for (Index j = 0; j <= shape.n_dense; j += NR) {
            const double* packed = panels + j * K + p * NR;
            const Index length = shape.n_dense + 1 - j < NR ? shape.n_dense + 1 - j : NR;
            for (Index c = 0; c < length; c++) side[j + c] += x * packed[c];
        }
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

inline void root_weights(const Observations& rows, const double* linear, bool secant, Index row, Index m, double* root) {
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
inline Index group_end(const GramShape& shape, Index group) {
    const Index n = shape.width / NR;
    Index panel = 0;
    while (panel < n && (panel * panel * shape.n_groups) < n * n * group) panel++;
    return group == shape.n_groups ? n : panel;
}

// The K rows from `row` on, where they lie side by side.
inline Coming next_rows(const GramShape& shape, Index row, Index end) {
    const Block* b = shape.n_runs ? shape.runs[0].block : nullptr;
    if (!b || b->storage != Storage::rows || b->row_stride <= 0 || row >= end) return {nullptr, nullptr};
    const Index bytes = b->row_stride * type_bytes(b->type), rows = row + K < end ? K : end - row;
    const char* at = static_cast<const char*>(b->data) + row * bytes;
    return {at, at + rows * bytes};
}

inline void gram_task(const Design& design, const Observations& rows, const double* linear, bool secant,
                      const GramShape& shape, Index lane, Index group, double* sums, double* memory) {
    const Index chunks = (design.n_rows + K - 1) / K;
    const Index begin = lane * chunks / shape.n_lanes * K, stop = (lane + 1) * chunks / shape.n_lanes * K;
    const Index end = stop < design.n_rows ? stop : design.n_rows;
    const Index first = group_end(shape, group), last = group_end(shape, group + 1);
    double* root = memory;
    double* panels = root + K;
    double* taken = panels + shape.width * K;
    const Entries entries = entries_in(taken, shape.n_sparse);
    Index* next = reinterpret_cast<Index*>(taken + entries_size(shape.n_sparse));
    double* within = sums + shape.width * shape.width;
    double* cross = within + shape.n_sparse * shape.n_sparse;
    const bool sparse = shape.n_sparse > 0 && group == 0;
    if (sparse) seek(shape, begin, next);
    for (Index row = begin; row < end; row += K) {
        const Index m = row + K < end ? K : end - row;
        root_weights(rows, linear, secant, row, m, root);
        pack(shape, sparse ? shape.width / NR : last, design.n_rows, row, m, root, panels);
        Coming coming = next_rows(shape, row + K, end);
        multiply_panels(shape, first, last, m, panels, sums, coming);
        if (!sparse) continue;
        collect(shape, row, m, root, next, entries);
        for (Index p = 0; p < m; p++) add_products(shape, entries, p, panels, within, cross);
    }
}

// Where each column of the subset went: position >= 0 in the dense part, or -1 - position in the sparse part.
inline void assemble(const GramShape& shape, const Index* place, Index n, const double* sums, double* gram) {
    const double* within = sums + shape.width * shape.width;
    const double* cross = within + shape.n_sparse * shape.n_sparse;
    for (Index i = 0; i <= n; i++)
        for (Index j = 0; j <= i; j++) {
            const Index a = place[i], b = place[j];
            double value;
            if (a >= 0 && b >= 0)
                value = a < b ? sums[a * shape.width + b] : sums[b * shape.width + a];
            else if (a < 0 && b < 0)
                value = within[(-1 - a) * shape.n_sparse - 1 - b] + (a == b ? 0.0 : within[(-1 - b) * shape.n_sparse - 1 - a]);
            else
                value = a < 0 ? cross[(-1 - a) * shape.width + b] : cross[(-1 - b) * shape.width + a];
            gram[i * (n + 1) + j] = gram[j * (n + 1) + i] = value;
        }
}

struct GramPlan {  // memory that describes a shape
    Run* runs;
    SparseMap* maps;
    Index* place;
    Index* positions;
    double* center;
};

inline void add_runs(const Block& b, Index column, Index position, GramShape& shape, GramPlan& plan) {
    Run* last = shape.n_runs ? &plan.runs[shape.n_runs - 1] : nullptr;
    if (last && last->block == &b && last->column + last->length == column && position % NR != 0)
        last->length++;
    else
        plan.runs[shape.n_runs++] = Run{&b, column, 1, position};
}

inline void describe(const Design& design, const double* center, const Index* subset, Index n, GramShape& shape,
                     GramPlan& plan) {
    Index* positions = plan.positions;
    Index k = 0;
    for (Index q = 0; q < design.n_blocks; q++) {
        const Block& b = design.blocks[q];
        const bool sparse = b.storage == Storage::csr || b.storage == Storage::csc;
        if (sparse) {
            plan.maps[shape.n_maps++] = SparseMap{&b, positions};
            for (Index j = 0; j < b.n_columns; j++) positions[j] = -1;
        }
        for (; k < n && subset[k] < b.first_column + b.n_columns; k++) {
            const Index column = subset[k] - b.first_column;
            if (sparse) {
                positions[column] = shape.n_sparse;
                plan.place[k] = -1 - shape.n_sparse++;
            } else {
                plan.center[shape.n_dense] = center ? center[subset[k]] : 0.0;
                plan.place[k] = shape.n_dense;
                add_runs(b, column, shape.n_dense++, shape, plan);
            }
        }
        if (sparse) positions += b.n_columns;
    }
    plan.place[n] = shape.n_dense;
    shape.width = (shape.n_dense + NR) / NR * NR;
    shape.runs = plan.runs;
    shape.maps = plan.maps;
    shape.center = plan.center;
}

inline void describe_in(const Design& design, const double* center, const Index* subset, Index n, GramShape& shape,
                        GramPlan& plan, Workspace& workspace) {
    const Index d = design.n_columns, size = 5 * (n + 1) + 3 * design.n_blocks + 2 * d + 64;
    plan.runs = reinterpret_cast<Run*>(workspace.take(std::size_t(size)));
    plan.maps = reinterpret_cast<SparseMap*>(plan.runs + n + 1);
    plan.place = reinterpret_cast<Index*>(plan.maps + design.n_blocks);
    plan.positions = plan.place + n + 1;
    plan.center = reinterpret_cast<double*>(plan.positions + d);
    describe(design, center, subset, n, shape, plan);
}

// Lanes share the rows, as many as 32 MB of sums allow; groups share the panels where that leaves too few tasks.
inline void share_out(const Design& design, GramShape& shape) {
    const Index work = design.n_rows * (shape.width * shape.width + 64 * shape.n_sparse);
    const Index memory = (Index(1) << 25) / (8 * shape.lane_size());
    const Index chunks = (design.n_rows + K - 1) / K;
    Index lanes = work >> 21;
    if (lanes > memory) lanes = memory > 4 ? memory : 4;
    if (lanes > 32) lanes = 32;
    if (lanes > chunks) lanes = chunks;
    shape.n_lanes = lanes > 1 ? lanes : 1;
    shape.n_groups = shape.n_lanes < 16 && shape.width > 512 ? shape.width / 256 : 1;
}

void gram(const Design& design, const Observations& rows, const double* linear, bool secant, const double* center,
          const Index* subset, Index n, double* out, Workspace& workspace, int n_threads) {
    const Index d = design.n_columns;
    GramPlan plan{};
    GramShape shape{};
    describe_in(design, center, subset, n, shape, plan, workspace);
    share_out(design, shape);

    const Index lane_size = padded(shape.lane_size());
    const Index thread_size = padded(K + shape.width * K + entries_size(shape.n_sparse) + d);
    const Index tasks = shape.n_lanes * shape.n_groups;
    const Index team = n_threads < tasks ? n_threads : tasks;
    double* lanes = workspace.take(std::size_t(shape.n_lanes * lane_size + team * thread_size));
    double* threads = lanes + shape.n_lanes * lane_size;
    parallel(shape.n_lanes, n_threads, [&](Index lane, int) { clear(lanes + lane * lane_size, lane_size); });
    parallel(tasks, int(team), [&](Index task, int thread) {
        const Index lane = task / shape.n_groups;
        gram_task(design, rows, linear, secant, shape, lane, shape.n_groups - 1 - task % shape.n_groups, lanes + lane * lane_size,
                  threads + thread * thread_size);
    });
    const Index each = 4096;
    parallel((lane_size + each - 1) / each, n_threads, [&](Index part, int) {
        const Index begin = part * each;
        join_lanes(lanes, shape.n_lanes, lane_size, begin, begin + each < lane_size ? begin + each : lane_size);
    });
    assemble(shape, plan.place, n, lanes, out);
}

}  // namespace
}  // namespace logloss::LOGLOSS_ISA
