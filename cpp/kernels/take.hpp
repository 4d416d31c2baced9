// Copies of some rows, of any type and storage; no arithmetic.
#pragma once

#include "pass.hpp"

namespace logloss::LOGLOSS_ISA {
namespace {

template <class T>
void take_some(const Copy& c, const Index* rows, Index begin, Index end) {
    const T* from = static_cast<const T*>(c.from);
    T* to = static_cast<T*>(c.to) + begin * c.n_columns;
    const Index row = c.from_row, column = c.from_column, d = c.n_columns;  // not read again after each byte written
    if (d == 1) {
        for (Index i = begin; i < end; i++) *to++ = from[rows[i] * row];
    } else if (column == 1) {
        constexpr Index line = 64 / sizeof(T), near = 4;  // rows ahead: they may lie anywhere
        for (Index i = begin; i < end; i++, to += d) {
            const T* next = from + rows[i + near < end ? i + near : i] * row;
            for (Index j = 0; j < d; j += line) __builtin_prefetch(next + j);
            __builtin_memcpy(to, from + rows[i] * row, std::size_t(d) * sizeof(T));
        }
    } else {
        for (Index i = begin; i < end; i++)
            for (Index j = 0; j < d; j++) *to++ = from[rows[i] * row + j * column];
    }
}

// A task is a piece of one copy; all are of about one size, as all copies are columns or there is one.
void take(const Copy* copies, Index n_copies, const Index* rows, Index n, int n_threads) {
    if (n_copies == 0) return;
    const Index piece = (Index(1) << 15) / copies[0].n_columns + 1, pieces = (n + piece - 1) / piece;
    parallel(n_copies * pieces, n_threads, [&](Index task, int) {
        const Copy& c = copies[task / pieces];
        const Index begin = task % pieces * piece, end = begin + piece < n ? begin + piece : n;
        switch (c.bytes) {
            case 1: return take_some<std::uint8_t>(c, rows, begin, end);
            case 2: return take_some<std::uint16_t>(c, rows, begin, end);
            case 4: return take_some<std::uint32_t>(c, rows, begin, end);
            default: return take_some<std::uint64_t>(c, rows, begin, end);
        }
    });
}

}  // namespace
}  // namespace logloss::LOGLOSS_ISA
