// Memory of a call, cut into pieces that lie side by side: what belongs together shares pages, and one allocation does.
//
// The same words cut twice: an arena without memory counts, then one with memory gives the pieces. Nobody adds up
// offsets.
#pragma once

#include "kernels.hpp"

namespace logloss::LOGLOSS_ISA {
namespace {

constexpr Index padded(Index n) { return (n + 7) / 8 * 8; }

struct Pieces {  // equal ones, of `size` doubles each
    double* first;
    Index size;
    double* operator[](Index k) const { return first + k * size; }
};

class Arena {
  public:
    Arena() = default;
    explicit Arena(double* memory) : memory_(memory) {}

    // n of type T, aligned to 64 bytes where the memory is; null where the arena only counts
    template <class T = double>
    T* cut(Index n) {
        T* piece = memory_ ? reinterpret_cast<T*>(memory_ + used_) : nullptr;
        used_ += padded((n * Index(sizeof(T)) + 7) / 8);
        return piece;
    }

    Pieces cut_pieces(Index n, Index size) { return {cut(n * size), size}; }

    Index used() const { return used_; }  // doubles

  private:
    double* memory_ = nullptr;
    Index used_ = 0;
};

// How many doubles the pieces take that `cut_all(arena)` cuts.
template <class F>
Index size_of(F&& cut_all) {
    Arena counting;
    cut_all(counting);
    return counting.used();
}

// The pieces, as `cut_all(arena)` gives them, out of memory of the call.
template <class F>
auto cut_from(Workspace& workspace, F&& cut_all) {
    Arena arena(workspace.take(std::size_t(size_of(cut_all))));
    return cut_all(arena);
}

}  // namespace
}  // namespace logloss::LOGLOSS_ISA
