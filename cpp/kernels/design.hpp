// The design matrix as the kernels read it: typed blocks side by side, each in the storage in which it was given.
//
// A pass walks the rows in tiles that stay in cache. Tiles are grouped into lanes; a lane sums its tiles in order and the
// lanes are joined in a fixed tree. Both depend on the shape and storage of the design alone, never on the number of
// threads, so a sum has the same bits for any number of threads.
#pragma once

#include <cstddef>
#include <cstdint>

namespace logloss {

using Index = std::int64_t;

enum class Storage : std::uint8_t { rows, columns, strided, csr, csc };
enum class Type : std::uint8_t { f64, f32, i8, i16, i32, i64, u8 };

constexpr Index type_bytes(Type type) {
    switch (type) {
        case Type::f64: case Type::i64: return 8;
        case Type::f32: case Type::i32: return 4;
        case Type::i16: return 2;
        default: return 1;
    }
}

struct Block {
    Storage storage;
    Type type;                            // of the values
    Index first_column, n_columns;        // where the block's coefficients lie in the coefficient vector
    const void* data = nullptr;           // rows, strided: the first element; csr, csc: the values
    Index row_stride = 0, column_stride = 0;  // in elements
    const void* const* column_data = nullptr; // columns: where each column starts
    bool wide_index = false;              // csr, csc: indices and pointers are int64, not int32
    const void* pointers = nullptr;       // csr: per row; csc: per column
    const void* indices = nullptr;
    Index n_nonzero = 0;
    const Index* tile_starts = nullptr;   // csc: n_lanes x n_columns, the first entry of each column in each lane
};

struct Plan {
    Index tile_rows, n_tiles, n_lanes;
    Index lane_begin(Index lane) const { return lane * n_tiles / n_lanes; }
    Index row_begin(Index lane, Index n_rows) const {
        Index row = lane_begin(lane) * tile_rows;
        return row < n_rows ? row : n_rows;
    }
};

struct Design {
    Index n_rows = 0, n_columns = 0;
    const Block* blocks = nullptr;
    Index n_blocks = 0;
    Plan plan{};
};

}  // namespace logloss
