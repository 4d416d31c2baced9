// The design matrix as the kernels read it: typed blocks side by side, each in the storage in which it was given.
//
// A pass walks the rows in tiles that stay in cache. Tiles are grouped into lanes; a lane sums its tiles in order and
// the lanes are joined in a fixed tree. Both depend on the shape and storage of the design alone, never on the number
// of threads, so a sum has the same bits for any number of threads.
#pragma once

#include <cstddef>
#include <cstdint>

namespace logloss {

using Index = std::int64_t;

// Who looks at it: tile.hpp for passes, with codes.hpp for the sizes of tables; moments.hpp; pack.hpp, entries.hpp,
// gram_plan.hpp and gram.hpp for the Gram matrix, sparse_part.hpp and sparse_gram.hpp for that of sparse designs;
// row_copy.hpp, row_reader.hpp and rows.cpp for rows one at a time; owned_design.hpp for what comes in.
//
// codes: a code a row, which stands for a 1 in one column of the block or in none; nullable: numbers with a bitmap
// (codes.hpp).
enum class Storage : std::uint8_t { rows, columns, strided, csr, csc, codes, nullable };
enum class Type : std::uint8_t { f64, f32, i8, i16, i32, i64, u8, u16 };

// Most entries are 0 and are not looked at; such columns are not centred as they are read, as that would fill them.
constexpr bool is_sparse(Storage storage) {
    return storage == Storage::csr || storage == Storage::csc || storage == Storage::codes;
}

constexpr Index type_bytes(Type type) {
    switch (type) {
        case Type::f64: case Type::i64: return 8;
        case Type::f32: case Type::i32: return 4;
        case Type::i16: case Type::u16: return 2;
        default: return 1;
    }
}

struct Block {
    Storage storage;
    Type type;                            // of the values; codes: u8, u16 or i32
    Index first_column, n_columns;        // where the block's coefficients lie in the coefficient vector
    const void* data = nullptr;  // rows, strided: the first element; codes, nullable: the column; csr, csc: the values
    Index row_stride = 0, column_stride = 0;  // in elements
    const void* const* column_data = nullptr; // columns: where each column starts
    bool wide_index = false;              // csr, csc: indices and pointers are int64, not int32
    const void* pointers = nullptr;       // csr: per row; csc: per column
    const void* indices = nullptr;
    Index n_nonzero = 0;
    const Index* tile_starts = nullptr;   // csc: n_lanes x n_columns, the first entry of each column in each lane
    const std::int32_t* slots = nullptr;  // codes: which column of the block a code stands for, or -1: none
    Index n_codes = 0;
    const std::uint8_t* valid =
        nullptr;  // nullable: Arrow's bitmap; where it is 0 the value means nothing and is `fill`
    double fill = 0;                      // with two columns the second is 1 there, else 0
};

struct Plan {
    Index tile_rows, n_tiles, n_lanes;
    Index lane_begin(Index lane) const { return lane * n_tiles / n_lanes; }
    Index row_begin(Index lane, Index n_rows) const {
        Index row = lane_begin(lane) * tile_rows;
        return row < n_rows ? row : n_rows;
    }
    Index rows_of(Index tile, Index n_rows) const {
        const Index row = tile * tile_rows;
        return row + tile_rows < n_rows ? tile_rows : n_rows - row;
    }
};

struct Design {
    Index n_rows = 0, n_columns = 0;
    const Block* blocks = nullptr;
    Index n_blocks = 0;
    Plan plan{};
};

}  // namespace logloss
