// One tile of rows through the blocks of a design: which loop of a pass reads which storage and type. A new storage
// adds its loops in a file of its own and a case in each of the functions here; design.hpp says where else.
#pragma once

#include "codes.hpp"
#include "columns.hpp"
#include "link.hpp"
#include "rows.hpp"
#include "sparse.hpp"

namespace logloss::LOGLOSS_ISA {
namespace {

// A thread's buffers for one tile. The vectors over rows have room for W more, so that the link can work on whole
// vectors.
struct TileBuffers {
    double* z;
    double* u[2];
    double* wide[2];   // blocks by column: W sums a column for each u
    double* gathered;  // strided blocks, copied row after row
    Index* next;       // csc blocks: the first entry of each column in the tile
    const double* tables;  // blocks of codes: the coefficient of each code
    double* code_sums[2];  // and the sums of each u by code
    double* near[2];       // X'u of the tiles since the last drain
};

inline Index gathered_size(const Design& design) {
    Index columns = 0;
    for (Index k = 0; k < design.n_blocks; k++)
        if (design.blocks[k].storage == Storage::strided) columns += design.blocks[k].n_columns;
    return padded(columns * design.plan.tile_rows);
}

inline Index wide_size(const Design& design) {
    for (Index k = 0; k < design.n_blocks; k++)
        if (design.blocks[k].storage == Storage::columns) return padded(design.n_columns) * W;
    return 0;
}

inline Index next_size(const Design& design) {
    Index columns = 0;
    for (Index k = 0; k < design.n_blocks; k++)
        if (design.blocks[k].storage == Storage::csc) columns += design.blocks[k].n_columns;
    return padded(columns);
}

template <class F>
INLINE void with_type(Type type, F&& f) {
    switch (type) {
        case Type::f64: return f(static_cast<const double*>(nullptr));
        case Type::f32: return f(static_cast<const float*>(nullptr));
        case Type::i8: return f(static_cast<const std::int8_t*>(nullptr));
        case Type::i16: return f(static_cast<const std::int16_t*>(nullptr));
        case Type::i32: return f(static_cast<const std::int32_t*>(nullptr));
        case Type::i64: return f(static_cast<const std::int64_t*>(nullptr));
        case Type::u8: return f(static_cast<const std::uint8_t*>(nullptr));
        case Type::u16: return f(static_cast<const std::uint16_t*>(nullptr));
    }
}

template <class F>
INLINE void with_sparse(const Block& b, F&& f) {
    if (b.type == Type::f64 && b.wide_index) return f(Sparse<double, std::int64_t>(b));
    if (b.type == Type::f64) return f(Sparse<double, std::int32_t>(b));
    if (b.wide_index) return f(Sparse<float, std::int64_t>(b));
    return f(Sparse<float, std::int32_t>(b));
}

template <class T>
void gather(const T* x, Index row_stride, Index column_stride, Index m, Index d, double* out) {
    for (Index i = 0; i < m; i++)
        for (Index j = 0; j < d; j++) out[i * d + j] = double(x[i * row_stride + j * column_stride]);
}

// z += X w over the rows [row, row + m)
inline void tile_predict(const Design& design, const TileBuffers& t, Index row, Index m, const double* coef) {
    double* gathered = t.gathered;
    const Index* next = t.next;
    const double* table = t.tables;
    const Index ahead = design.plan.tile_rows;
    for (Index k = 0; k < design.n_blocks; k++) {
        const Block& b = design.blocks[k];
        const double* w = coef + b.first_column;
        const Index d = b.n_columns;
        switch (b.storage) {
            case Storage::rows:
                with_type(b.type, [&](auto* type) {
                    rows_predict(static_cast<decltype(type)>(b.data) + row * b.row_stride, b.row_stride, m, d, w, t.z,
                                 ahead * b.row_stride);
                });
                break;
            case Storage::columns:
                with_type(b.type, [&](auto* type) {
                    using T = std::remove_const_t<std::remove_pointer_t<decltype(type)>>;
                    columns_predict<T>(b.column_data, row, m, d, w, t.z, ahead);
                });
                break;
            case Storage::strided:
                with_type(b.type, [&](auto* type) {
                    gather(static_cast<decltype(type)>(b.data) + row * b.row_stride, b.row_stride, b.column_stride, m,
                           d, gathered);
                });
                rows_predict(static_cast<const double*>(gathered), d, m, d, w, t.z, Index(0));
                gathered += design.plan.tile_rows * d;
                break;
            case Storage::csr:
                with_sparse(b, [&](const auto& x) { csr_predict(x, row, m, w, t.z); });
                break;
            case Storage::csc:
                with_sparse(b, [&](const auto& x) { csc_predict(x, next, row, m, d, w, t.z); });
                next += d;
                break;
            case Storage::codes:
                with_codes(b, [&](auto* codes) { codes_predict(codes + row, m, b.n_codes, table, t.z); });
                table += table_size(b.n_codes);
                break;
            case Storage::nullable:
                with_type(b.type, [&](auto* type) {
                    nullable_predict<std::remove_const_t<std::remove_pointer_t<decltype(type)>>>(b, row, m, w, t.z);
                });
                break;
        }
    }
}

// g += X'u over the rows of the tile that tile_predict has just read
inline void tile_accumulate(const Design& design, const TileBuffers& t, Index row, Index m, int output,
                            double* gradient) {
    const double* u = t.u[output];
    double* gathered = t.gathered;
    double* by_code = t.code_sums[output];
    const Index* next = t.next;
    const Index ahead = design.plan.tile_rows;
    for (Index k = 0; k < design.n_blocks; k++) {
        const Block& b = design.blocks[k];
        double* g = gradient + b.first_column;
        const Index d = b.n_columns;
        switch (b.storage) {
            case Storage::rows:
                with_type(b.type, [&](auto* type) {
                    rows_accumulate(static_cast<decltype(type)>(b.data) + row * b.row_stride, b.row_stride, m, d, u, g,
                                    ahead * b.row_stride);
                });
                break;
            case Storage::columns:
                with_type(b.type, [&](auto* type) {
                    using T = std::remove_const_t<std::remove_pointer_t<decltype(type)>>;
                    columns_accumulate<T>(b.column_data, row, m, d, u, t.wide[output] + b.first_column * W, ahead);
                });
                break;
            case Storage::strided:
                rows_accumulate(static_cast<const double*>(gathered), d, m, d, u, g, Index(0));
                gathered += design.plan.tile_rows * d;
                break;
            case Storage::csr:
                with_sparse(b, [&](const auto& x) { csr_accumulate(x, row, m, u, g); });
                break;
            case Storage::csc:
                with_sparse(b, [&](const auto& x) { csc_accumulate(x, next, row, m, d, u, g); });
                next += d;
                break;
            case Storage::codes:
                with_codes(b, [&](auto* codes) { codes_accumulate(codes + row, m, b.n_codes, u, by_code, ahead); });
                by_code += code_sums_size(b);
                break;
            case Storage::nullable:
                with_type(b.type, [&](auto* type) {
                    nullable_accumulate<std::remove_const_t<std::remove_pointer_t<decltype(type)>>>(b, row, m, u, g,
                                                                                                    ahead);
                });
                break;
        }
    }
}

// Adds up the W sums of each column and clears them.
inline void fold_wide(const Design& design, double* wide, double* gradient) {
    for (Index k = 0; k < design.n_blocks; k++) {
        const Block& b = design.blocks[k];
        if (b.storage != Storage::columns) continue;
        for (Index j = b.first_column; j < b.first_column + b.n_columns; j++) {
            gradient[j] += sum(load(wide + j * W));
            store(wide + j * W, V{});
        }
    }
}

inline void start_lane(const Design& design, Index lane, Index* next) {
    for (Index k = 0; k < design.n_blocks; k++) {
        const Block& b = design.blocks[k];
        if (b.storage != Storage::csc) continue;
        for (Index j = 0; j < b.n_columns; j++) next[j] = b.tile_starts[lane * b.n_columns + j];
        next += b.n_columns;
    }
}

inline void finish_tile(const Design& design, Index row_end, Index* next) {
    for (Index k = 0; k < design.n_blocks; k++) {
        const Block& b = design.blocks[k];
        if (b.storage != Storage::csc) continue;
        if (b.wide_index)
            csc_advance<std::int64_t>(b, next, row_end);
        else
            csc_advance<std::int32_t>(b, next, row_end);
        next += b.n_columns;
    }
}

}  // namespace
}  // namespace logloss::LOGLOSS_ISA
