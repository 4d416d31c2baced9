// Files that are mapped into memory, and that others may cut short: reading beyond the new end raises SIGBUS, which
// ends the process. Here the pages that are gone become zeros, so that a read comes to its end; whoever asks for it
// looks at the file's size afterwards (table/encoding/held.py) and throws away what was read.
#pragma once

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <stdexcept>

namespace logloss {

// All of it is read in a signal handler, in whichever thread: fixed slots, no locks.
struct Held {
    std::atomic<std::uintptr_t> begin{0}, end{0};
};
constexpr int MOST_HELD = 256;
inline Held held[MOST_HELD];
inline struct sigaction before_held;
inline std::uintptr_t page_size;

inline void on_bus_error(int, siginfo_t* info, void*) {
    const std::uintptr_t at = reinterpret_cast<std::uintptr_t>(info->si_addr);
    for (const Held& one : held) {
        const std::uintptr_t begin = one.begin.load(), end = one.end.load();
        if (!begin || at < begin || at >= end) continue;
        const std::uintptr_t page = at & ~(page_size - 1);
        void* zeros =
            mmap(reinterpret_cast<void*>(page), end - page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        if (zeros != MAP_FAILED) return;
    }
    sigaction(SIGBUS, &before_held, nullptr);  // not ours: it comes again
}

// From now on missing pages of these bytes are zeros. Called with the interpreter's lock.
inline void hold(std::uintptr_t address, std::size_t size) {
    if (address == 0 || address + size <= address) throw std::invalid_argument("hold: these bytes are nowhere.");
    static bool installed = false;
    if (!installed) {
        page_size = std::uintptr_t(sysconf(_SC_PAGESIZE));
        struct sigaction action = {};
        action.sa_sigaction = on_bus_error;
        action.sa_flags = SA_SIGINFO;
        sigemptyset(&action.sa_mask);
        if (sigaction(SIGBUS, &action, &before_held)) throw std::runtime_error("hold: no handler can be set.");
        installed = true;
    }
    for (Held& one : held)
        if (!one.begin.load()) {
            one.end.store(address + size);
            one.begin.store(address);
            return;
        }
}

inline void let_go(std::uintptr_t address) {
    for (Held& one : held)
        if (one.begin.load() == address) one.begin.store(0);
}

}  // namespace logloss
