// A Design that keeps the Python arrays alive whose memory it reads, lays out tiles and lanes, and lends a workspace.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <memory>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "../kernels/kernels.hpp"
#include "guard.hpp"
#include "structure.hpp"

namespace logloss {

namespace nb = nanobind;
using AnyArray = nb::ndarray<nb::ro, nb::device::cpu>;

class Memory final : public Workspace {
  public:
    double* take(std::size_t n_doubles) override {
        if (used_ == pieces_.size()) pieces_.emplace_back();
        Piece& piece = pieces_[used_++];
        if (piece.size < n_doubles || !piece.data) {
            n_doubles = std::max<std::size_t>(n_doubles, 8);
            piece.data.reset();
            // sparse passes gather and scatter all over their vectors: with small pages each access misses the TLB
            const bool huge = n_doubles * 8 >= huge_page / 4;
            const std::size_t alignment = huge ? huge_page : 64;
            piece.size = (n_doubles * 8 + alignment - 1) / alignment * alignment / 8;
            piece.data.reset(static_cast<double*>(std::aligned_alloc(alignment, piece.size * 8)));
            if (!piece.data) throw std::bad_alloc();
#if defined(__linux__)
            if (huge) madvise(piece.data.get(), piece.size * 8, MADV_HUGEPAGE);
#endif
        }
        return piece.data.get();
    }
    void rewind() { used_ = 0; }

  private:
    static constexpr std::size_t huge_page = std::size_t(1) << 21;
    struct Free {
        void operator()(double* p) const { std::free(p); }
    };
    struct Piece {
        std::unique_ptr<double, Free> data;
        std::size_t size = 0;
    };
    std::deque<Piece> pieces_;
    std::size_t used_ = 0;
};

struct NamedType {
    nb::dlpack::dtype_code code;
    unsigned bits;
    Type type;
};

constexpr NamedType known_types[] = {
    {nb::dlpack::dtype_code::Float, 64, Type::f64}, {nb::dlpack::dtype_code::Float, 32, Type::f32},
    {nb::dlpack::dtype_code::Int, 8, Type::i8},     {nb::dlpack::dtype_code::Int, 16, Type::i16},
    {nb::dlpack::dtype_code::Int, 32, Type::i32},   {nb::dlpack::dtype_code::Int, 64, Type::i64},
    {nb::dlpack::dtype_code::UInt, 8, Type::u8},    {nb::dlpack::dtype_code::UInt, 16, Type::u16},
    {nb::dlpack::dtype_code::Bool, 8, Type::u8},
};

inline Type type_of(const nb::dlpack::dtype& dtype) {
    for (const NamedType& known : known_types)
        if (dtype.code == std::uint8_t(known.code) && dtype.bits == known.bits) return known.type;
    throw nb::type_error("Design: values must be float64, float32, int8, int16, int32, int64, uint8, uint16 or bool.");
}

inline bool is_vector(const AnyArray& x) { return x.ndim() == 1 && (x.shape(0) <= 1 || x.stride(0) == 1); }

// Of the entries that the vectors name. `n_major`: rows of CSR, columns of CSC; `twins`: look for those that are there
// twice.
inline Structure structure_of(const char* where, const AnyArray& pointers, const AnyArray& indices, Index n_major,
                              Index n_minor, Index n_entries, bool twins) {
    check_count(where, "rows or columns", n_major);
    check_count(where, "rows or columns", n_minor);
    if (!is_vector(pointers) || !is_vector(indices))
        throw std::invalid_argument(std::string(where) + ": pointers and indices must be contiguous vectors.");
    const Type type = type_of(indices.dtype());
    if ((type != Type::i32 && type != Type::i64) || type_of(pointers.dtype()) != type)
        throw nb::type_error(
            (std::string(where) + ": pointers and indices must be of one type, int32 or int64.").c_str());
    if (Index(pointers.shape(0)) != n_major + 1)
        throw std::invalid_argument(std::string(where) + ": " + std::to_string(pointers.shape(0)) +
                                    " pointers do not fit the shape.");
    const Index n = std::min(n_entries, Index(indices.shape(0)));
    const auto look = [&]<class I>(const I* at) {
        return structure(where, at, static_cast<const I*>(indices.data()), n_major, n_minor, n, twins);
    };
    return type == Type::i64 ? look(static_cast<const std::int64_t*>(pointers.data()))
                             : look(static_cast<const std::int32_t*>(pointers.data()));
}

class OwnedDesign {
  public:
    explicit OwnedDesign(Index n_rows) {
        check_count("Design", "rows", n_rows);
        design_.n_rows = n_rows;
    }

    void add_dense(const AnyArray& x) {
        check_open("add_dense");
        if (x.ndim() != 2) throw std::invalid_argument("Design.add_dense: a matrix is needed.");
        check_rows("add_dense", Index(x.shape(0)));
        Block b = next_block("add_dense", Storage::strided, type_of(x.dtype()), Index(x.shape(1)));
        b.data = x.data();
        b.row_stride = x.stride(0);
        b.column_stride = x.stride(1);
        if (b.column_stride == 1 || b.n_columns == 1) {
            b.storage = Storage::rows;
            if (b.n_columns == 1 && b.row_stride == 1) b.storage = Storage::columns;
        } else if (b.row_stride == 1) {
            b.storage = Storage::columns;
        }
        if (b.storage == Storage::columns) {
            auto& starts = columns_.emplace_back();
            for (Index j = 0; j < b.n_columns; j++)
                starts.push_back(static_cast<const char*>(b.data) + j * b.column_stride * type_bytes(b.type));
            b.column_data = starts.data();
        }
        append(b, {x});
    }

    void add_columns(const std::vector<AnyArray>& arrays) {
        check_open("add_columns");
        if (arrays.empty()) return;
        Block b = next_block("add_columns", Storage::columns, type_of(arrays[0].dtype()), Index(arrays.size()));
        auto& starts = columns_.emplace_back();
        for (const AnyArray& x : arrays) {
            if (!is_vector(x) || type_of(x.dtype()) != b.type)
                throw std::invalid_argument("Design.add_columns: contiguous vectors of one type are needed.");
            check_rows("add_columns", Index(x.shape(0)));
            starts.push_back(x.data());
        }
        b.column_data = starts.data();
        append(b, arrays);
    }

    void add_sparse(const AnyArray& pointers, const AnyArray& indices, const AnyArray& values, Index n_columns,
                    bool by_row) {
        Block b = next_block("add_sparse", by_row ? Storage::csr : Storage::csc, type_of(values.dtype()), n_columns);
        if (b.type != Type::f64 && b.type != Type::f32)
            throw nb::type_error("Design.add_sparse: values must be float64 or float32.");
        if (!is_vector(values)) throw std::invalid_argument("Design.add_sparse: values must be a contiguous vector.");
        b.n_nonzero = Index(values.shape(0));
        const Index n_rows = design_.n_rows;
        const Structure found = structure_of("Design.add_sparse", pointers, indices, by_row ? n_rows : n_columns,
                                             by_row ? n_columns : n_rows, b.n_nonzero, false);
        if (!by_row && !found.ordered)  // a tile finds its rows in a column by their order
            throw std::invalid_argument("Design.add_sparse: the indices of a column must not fall.");
        b.wide_index = type_of(indices.dtype()) == Type::i64;
        b.pointers = pointers.data();
        b.indices = indices.data();
        b.data = values.data();
        append(b, {pointers, indices, values});
    }

    void add_codes(const AnyArray& codes, const AnyArray& slots, Index n_columns) {
        Block b = next_block("add_codes", Storage::codes, type_of(codes.dtype()), n_columns);
        if (b.type != Type::u8 && b.type != Type::u16 && b.type != Type::i32)
            throw nb::type_error("Design.add_codes: codes must be uint8, uint16 or int32.");
        check_vector("add_codes", codes);
        if (type_of(slots.dtype()) != Type::i32 || !is_vector(slots))
            throw nb::type_error("Design.add_codes: slots must be a contiguous vector of int32.");
        b.data = codes.data();
        b.slots = static_cast<const std::int32_t*>(slots.data());
        b.n_codes = Index(slots.shape(0));
        check_codes(b);
        append(b, {codes, slots});
    }

    void add_nullable(const AnyArray& values, const AnyArray& valid, double fill, bool indicator) {
        Block b = next_block("add_nullable", Storage::nullable, type_of(values.dtype()), indicator ? 2 : 1);
        check_vector("add_nullable", values);
        if (type_of(valid.dtype()) != Type::u8 || !is_vector(valid) || Index(valid.shape(0)) < (design_.n_rows + 7) / 8)
            throw std::invalid_argument("Design.add_nullable: the bitmap must be a vector of uint8, of a bit a row.");
        b.data = values.data();
        b.valid = static_cast<const std::uint8_t*>(valid.data());
        b.fill = fill;
        append(b, {values, valid});
    }

    void finish() {
        check_open("finish");
        design_.blocks = blocks_.data();
        design_.n_blocks = Index(blocks_.size());
        lay_out();
        for (Block& b : blocks_)
            if (b.storage == Storage::csc) find_tile_starts(b);
        finished_ = true;
    }

    const Design& design(const char* where) const {
        if (!finished_) throw std::invalid_argument(std::string(where) + ": Design.finish() comes first.");
        return design_;
    }
    Index n_rows() const { return design_.n_rows; }
    Index n_columns() const { return design_.n_columns; }

    // The design's own workspace, or a new one while another thread uses that.
    template <class F>
    void with_workspace(F&& body) {
        std::unique_lock lock(busy_, std::try_to_lock);
        if (!lock.owns_lock()) {
            Memory memory;
            body(memory);
            return;
        }
        memory_.rewind();
        body(memory_);
    }

  private:
    void check_open(const char* where) const {
        if (finished_) throw std::invalid_argument("Design." + std::string(where) + ": the design is finished.");
    }

    Block next_block(const char* where, Storage storage, Type type, Index n_columns) const {
        check_open(where);
        check_count("Design." + std::string(where), "columns", n_columns);
        check_count("Design." + std::string(where), "columns", design_.n_columns + n_columns);
        Block b{};
        b.storage = storage;
        b.type = type;
        b.first_column = design_.n_columns;
        b.n_columns = n_columns;
        return b;
    }

    void append(const Block& b, const std::vector<AnyArray>& arrays) {
        if (b.n_columns == 0) return;
        blocks_.push_back(b);
        kept_.insert(kept_.end(), arrays.begin(), arrays.end());
        design_.n_columns += b.n_columns;
    }

    void check_vector(const char* where, const AnyArray& x) const {
        if (!is_vector(x))
            throw std::invalid_argument("Design." + std::string(where) + ": a contiguous vector is needed.");
        check_rows(where, Index(x.shape(0)));
    }

    template <class T>
    Index largest(const void* codes) const {
        T most = 0;
        for (Index i = 0; i < design_.n_rows; i++) most = std::max(most, static_cast<const T*>(codes)[i]);
        return Index(most);
    }

    Index largest_code(const Block& b) const {
        if (b.type == Type::u8) return largest<std::uint8_t>(b.data);
        if (b.type == Type::u16) return largest<std::uint16_t>(b.data);
        return largest<std::uint32_t>(b.data);  // negative ones are the largest then
    }

    void check_codes(const Block& b) const {
        for (Index c = 0; c < b.n_codes; c++)
            if (b.slots[c] < -1 || Index(b.slots[c]) >= b.n_columns)
                throw std::invalid_argument("Design.add_codes: slot " + std::to_string(b.slots[c]) +
                                            " is not one of the " + std::to_string(b.n_columns) + " columns.");
        if (design_.n_rows > 0 && largest_code(b) >= b.n_codes)
            throw std::invalid_argument("Design.add_codes: a code is not one of the " + std::to_string(b.n_codes) +
                                        ".");
    }

    void check_rows(const char* where, Index rows) const {
        if (rows != design_.n_rows)
            throw std::invalid_argument("Design." + std::string(where) + ": " + std::to_string(rows) +
                                        " rows, but the design has " + std::to_string(design_.n_rows) + ".");
    }

    // Rows of a tile with blocks by column: 64 kB, but whole runs of 512 bytes of a column where 256 kB hold them.
    static Index column_tile(Index bytes, Index columns) {
        bytes = std::max<Index>(bytes, 1);
        const Index run = std::min<Index>(512 * columns, Index(1) << 18) / bytes;
        return std::clamp<Index>(std::max<Index>((Index(1) << 16) / bytes, run) / 64 * 64, 64, 2048);
    }

    // Tiles that fit a first- or second-level cache, and lanes enough for many threads, but no more sums than pay.
    void lay_out() {
        Index dense_bytes = 0, dense_columns = 0, all_bytes = 0;  // a code is work as 8 bytes are
        bool by_column = false, csc = false;
        for (const Block& b : blocks_) {
            if (b.storage == Storage::csr || b.storage == Storage::csc) {
                all_bytes += b.n_nonzero * (type_bytes(b.type) + (b.wide_index ? 8 : 4));
                csc |= b.storage == Storage::csc;
            } else if (b.storage == Storage::codes || b.storage == Storage::nullable) {
                const Index bytes = type_bytes(b.type);
                dense_bytes += bytes;
                dense_columns++;
                by_column = true;
                all_bytes += (8 - bytes) * design_.n_rows;
            } else {
                dense_bytes += b.n_columns * type_bytes(b.type);
                dense_columns += b.n_columns;
                by_column |= b.storage == Storage::columns;
            }
        }
        all_bytes += dense_bytes * design_.n_rows;
        Index tile = 1024;
        if (csc)
            tile = 4096;
        else if (by_column)
            tile = column_tile(dense_bytes, dense_columns);
        else if (dense_bytes > 0)
            tile = std::clamp<Index>((Index(1) << 15) / dense_bytes, 16, 1024);
        Plan& plan = design_.plan;
        plan.tile_rows = std::min(tile, std::max<Index>(design_.n_rows, 1));
        plan.tile_rows = by_column ? (plan.tile_rows + 63) / 64 * 64 : (plan.tile_rows + 7) / 8 * 8;
        plan.n_tiles = (design_.n_rows + plan.tile_rows - 1) / plan.tile_rows;
        const Index by_work = all_bytes >> 18,
                    by_memory = (Index(1) << 23) / (16 * std::max<Index>(design_.n_columns, 1));
        plan.n_lanes = std::clamp<Index>(std::min(by_work, std::max<Index>(by_memory, 4)), 1, 64);
        plan.n_lanes = std::max<Index>(std::min(plan.n_lanes, plan.n_tiles), 1);
    }

    template <class I>
    void find_tile_starts(const Block& b, Index* starts) const {
        const I* pointers = static_cast<const I*>(b.pointers);
        const I* indices = static_cast<const I*>(b.indices);
        for (Index lane = 0; lane < design_.plan.n_lanes; lane++) {
            const I row = I(design_.plan.row_begin(lane, design_.n_rows));
            for (Index j = 0; j < b.n_columns; j++)
                starts[lane * b.n_columns + j] =
                    std::lower_bound(indices + pointers[j], indices + pointers[j + 1], row) - indices;
        }
    }

    void find_tile_starts(Block& b) {
        auto& starts = tile_starts_.emplace_back(std::size_t(design_.plan.n_lanes * b.n_columns));
        if (b.wide_index)
            find_tile_starts<std::int64_t>(b, starts.data());
        else
            find_tile_starts<std::int32_t>(b, starts.data());
        b.tile_starts = starts.data();
    }

    Design design_;
    bool finished_ = false;
    std::vector<Block> blocks_;
    std::deque<std::vector<const void*>> columns_;
    std::deque<std::vector<Index>> tile_starts_;
    std::vector<AnyArray> kept_;
    std::mutex busy_;
    Memory memory_;
};

}  // namespace logloss
