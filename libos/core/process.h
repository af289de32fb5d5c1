// SPDX-License-Identifier: MIT
//
// What the libos keeps of the process, at the beginning of its heap: so every part of the libos
// finds it without a global, and a fork copies it. Each part has its own lock; who needs several
// takes them in this order: alarms, epolls, threads, files, views, memory, actions, heap. The large
// tables stand last: what most calls change lies in one page, which a fork copies once.
#pragma once

#include <core/alarms.h>
#include <core/heap.h>
#include <core/memory.h>
#include <core/signal.h>
#include <core/thread.h>
#include <files/deferral.h>
#include <files/epoll.h>
#include <files/table.h>
#include <files/view.h>
#include <sys/mutex.h>

struct threads {
    struct mutex lock;
    // Guarded by lock:
    struct linux_thread *first;
    vaddr_t shown; // struct libos_thread of the first, for others to read
    uint32_t count;
    int64_t ended_time;                       // CPU time of threads that have ended
    uint64_t regions[LIBOS_REGIONS_MAX / 64]; // bit set: the region is mapped or being made
    uint32_t region_bound;                    // no bit at or above was ever set
    uint32_t region_left;                     // below, no region is that of a thread that has ended
};

struct linux_process {
    struct libos_info info; // at LIBOS_INFO
    // Fixed after the start.
    handle_t proc, log, libos, clock, executable, identity_vmo, signals_vmo;
    bool executable_is_vmo;
    bool trace;
    bool has_locks; // the process has taken locks of stretches: closing ends them
    bool alone;     // no procd: the pages of procd are our own
    uint32_t vector_bytes;
    uint64_t vector_mask;
    uint64_t vdso;

    // Changed by single stores.
    uint32_t umask;
    uint64_t scratch_pages; // of LIBOS_SCRATCH that were given out
    int32_t last_tid;       // of a process that is alone
    int64_t children_time;  // CPU time of children that were waited for
    int64_t children_kib;   // memory of the largest of them
    char *path;             // of the program, for /proc/self/exe
    uint64_t path_bytes;
    handle_t root, cwd;         // guarded by files.lock
    struct libos_places places; // of these and the executable; guarded by files.lock
    handle_t tty;               // channel to open terminals by; stored once
    handle_t vfs;               // channel to ask for mounts by; stored once, by the first walk
    uint64_t mounted; // the root of the first such mount, above it its number; stored once

    struct alarms alarms;
    struct epolls epolls;
    struct threads threads;
    struct files files;
    struct views views;
    struct deferrals deferrals;
    struct memory memory;
    struct heap heap;
    struct signal_actions actions;

    struct file_slot slots[LIBOS_FDS_MAX];    // files.slots
    struct view view_places[LIBOS_VIEWS_MAX]; // views.of
    struct alarm alarm_places[ALARMS_MAX];    // alarms.of
};
static_assert(offsetof(struct linux_process, slots) <= PAGE_SIZE, "the page that is copied");

static inline struct linux_process *process_current(void) {
    return (struct linux_process *)LIBOS_HEAP;
}
static inline const volatile struct identity_page *identity_current(void) {
    return (const volatile struct identity_page *)LIBOS_IDENTITY;
}
static inline struct signal_page *signal_page_current(void) {
    return (struct signal_page *)LIBOS_SIGNALS;
}

// CPU time of the process's threads.
int64_t process_time(struct linux_thread *self);
// Shows the process to those who may read its memory, once all is in its place.
void process_show(void);
// Ends the process with a wait status of Linux.
_Noreturn void process_end(int64_t status);
// Writes a line to the log, if there is one. For what concerns the libos, not the program.
void process_log(const char *format, ...) __attribute__((format(printf, 1, 2)));
// Ends the process because the libos itself is broken; says why in the log.
_Noreturn void process_panic(const char *why, int64_t detail);
