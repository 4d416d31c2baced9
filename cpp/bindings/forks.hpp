// The threads of OpenMP do not live on in a child of fork(), where its pool waits for them for ever. The pool belongs
// to the whole process, and any library on the same OpenMP may have used it. So a child reads on one thread: the sums
// have the same bits.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <mutex>

#if !defined(_WIN32)
#include <pthread.h>
#endif

#if defined(__linux__) && defined(_OPENMP)
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <omp.h>
#include <unistd.h>
#endif

namespace logloss {

struct Forks {
    bool threads_died = false;
};
inline Forks forks;

#if defined(__linux__) && defined(_OPENMP)

// Was this process forked, and has executed no other program since?
inline bool is_forked() {
    constexpr unsigned long forked_no_exec = 0x40;  // PF_FORKNOEXEC: no system call tells
    char text[512];
    const int file = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    const ssize_t size = read(file, text, sizeof text - 1);
    close(file);
    if (size <= 0) return false;
    text[size] = 0;
    const char* at = std::strrchr(text, ')');  // pid (name) state ppid pgrp session tty tpgid flags
    for (int k = 0; at && k < 7; ++k) at = std::strchr(at + 1, ' ');
    return at && (std::strtoul(at, nullptr, 10) & forked_no_exec);
}

// Libraries are listed in the order in which they were loaded, each before what it needs.
inline bool openmp_was_loaded_before() {
    struct Places {
        std::uintptr_t openmp = 0, ours = 0;
        int at = 0, openmp_at = -1, ours_at = -1;
    } places;
    Dl_info info;
    if (dladdr(reinterpret_cast<void*>(&omp_get_max_threads), &info)) places.openmp = std::uintptr_t(info.dli_fbase);
    if (dladdr(&forks, &info)) places.ours = std::uintptr_t(info.dli_fbase);
    dl_iterate_phdr(
        [](dl_phdr_info* library, std::size_t, void* found) {
            auto& p = *static_cast<Places*>(found);
            if (library->dlpi_addr == p.openmp) p.openmp_at = p.at;
            if (library->dlpi_addr == p.ours) p.ours_at = p.at;
            ++p.at;
            return 0;
        },
        &places);
    return places.openmp_at >= 0 && places.openmp_at < places.ours_at;
}

#else

inline bool is_forked() { return false; }
inline bool openmp_was_loaded_before() { return false; }

#endif

// To be called once, when the module is loaded: this process may be a child already.
inline void watch_forks() {
    forks.threads_died |= is_forked() && openmp_was_loaded_before();
#if !defined(_WIN32)
    static std::once_flag once;
    std::call_once(once, [] { pthread_atfork(nullptr, nullptr, [] { forks.threads_died = true; }); });
#endif
}

}  // namespace logloss
