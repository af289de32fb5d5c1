// SPDX-License-Identifier: MIT
//
// Fixed-size records that native calls read and write in user memory.
#pragma once

#include <abi/types.h>

#define LABEL_BYTES 32
#define JOB_UNLIMITED UINT64_MAX

// handle_info, handle_next. `id` is unique over a boot and never reused.
struct handle_info {
    handle_t handle;
    uint32_t type;     // OBJECT_ of <abi/objects.h>
    uint32_t rights;   // RIGHT_ bits
    uint32_t depth;    // derivation depth when it was made: 0 for a handle that was not derived
    uint64_t id;       // of the object
    uint64_t provider; // provider stamp of the process that made the object
    uint64_t parent;   // process id whose handle this one was derived from, 0 when unknown
};
static_assert(sizeof(struct handle_info) == 40, "struct handle_info is ABI");

// job_create. Limits are most, reservations are set aside from the parent at once.
struct job_limits {
    uint64_t memory_pages;
    uint64_t handles;
    uint64_t threads;
    uint64_t processes;
    uint64_t reserved_pages;
};
static_assert(sizeof(struct job_limits) == 40, "struct job_limits is ABI");

// object_get(job, TOPIC_USAGE).
struct job_usage {
    uint64_t memory_pages;
    uint64_t handles;
    uint64_t threads;
    uint64_t processes;
    struct job_limits limits;
};
static_assert(sizeof(struct job_usage) == 72, "struct job_usage is ABI");

// process_create.
struct process_options {
    char label[LABEL_BYTES]; // zero-terminated; shown in the log and by tools
    uint64_t cookie;   // credential cookie of its threads; needs the job's IDENTITY right unless 0
    uint64_t provider; // provider stamp; needs the job's IDENTITY right unless 0
};
static_assert(sizeof(struct process_options) == 48, "struct process_options is ABI");

// How a process ended.
enum exit_cause {
    EXIT_RUNNING = 0,
    EXIT_VOLUNTARY = 1, // process_exit or the last thread_exit
    EXIT_KILLED = 2,    // task_kill without the hang flag
    EXIT_FAULT = 3,     // an exception that nothing handled
    EXIT_HANG = 4,      // task_kill with KILL_HANG
};

// object_get(process, TOPIC_PROCESS).
struct process_info {
    char label[LABEL_BYTES];
    uint64_t id;
    uint64_t job;
    uint64_t provider;
    int64_t status; // as given to process_exit or task_kill; for a fault the trap number
    uint32_t cause; // enum exit_cause
    uint32_t threads;
    uint64_t fault_pc;     // EXIT_FAULT
    uint64_t fault_addr;   // EXIT_FAULT
    uint64_t memory_pages; // resident in its aspace
    duration_t cpu_time;
    uint32_t handles;
    uint32_t suspended;
};
static_assert(sizeof(struct process_info) == 112, "struct process_info is ABI");

// thread states as thread_info shows them.
enum thread_state_info {
    THREAD_INFO_NEW = 0,
    THREAD_INFO_READY = 1,
    THREAD_INFO_RUNNING = 2,
    THREAD_INFO_BLOCKED = 3,
    THREAD_INFO_SUSPENDED = 4,
    THREAD_INFO_DEAD = 5,
};

// What a blocked thread waits for.
enum thread_wait_info {
    THREAD_WAIT_NONE = 0,
    THREAD_WAIT_PORT = 1,    // port_reply_wait
    THREAD_WAIT_CALL = 2,    // channel_call
    THREAD_WAIT_SIGNALS = 3, // object_wait
    THREAD_WAIT_STREAM = 4,
    THREAD_WAIT_FUTEX = 5,
    THREAD_WAIT_SLEEP = 6,
    THREAD_WAIT_PAGE = 7, // a page that a pager is to bring
};

// object_get(thread, TOPIC_THREAD).
struct thread_info {
    uint64_t id;
    uint64_t process;
    uint32_t state;    // enum thread_state_info
    uint32_t waits;    // enum thread_wait_info
    uint64_t waits_on; // id of the object it waits on, 0 when there is none
    duration_t cpu_time;
    uint64_t cookie;
    uint64_t call_number;
};
static_assert(sizeof(struct thread_info) == 56, "struct thread_info is ABI");

// object_get(vmo, TOPIC_VMO).
struct vmo_info {
    uint64_t size_bytes;
    uint64_t resident_pages;
    uint32_t flags; // VMO_ flags given at creation
    uint32_t mappings;
};
static_assert(sizeof(struct vmo_info) == 24, "struct vmo_info is ABI");

// object_get of a stream's end that reads.
struct stream_info {
    uint64_t read_bytes;    // ever, headers of records included
    uint64_t written_bytes; // ever
    uint64_t capacity_bytes;
    uint64_t unread_bytes; // of what this end has written
};
static_assert(sizeof(struct stream_info) == 32, "struct stream_info is ABI");

// aspace_query: the mapping at an address, or the next one above it.
struct mapping_info {
    vaddr_t addr;
    uint64_t size_bytes;
    uint64_t vmo_id;
    uint64_t vmo_offset;
    // Bit n: page n is there, counted from that of the address asked about, or from the mapping's
    // first if that lies above it.
    uint64_t pages_there;
    uint32_t flags; // MAP_ flags
    uint32_t resident_pages;
};
static_assert(sizeof(struct mapping_info) == 48, "struct mapping_info is ABI");

// object_wait_many.
struct wait_item {
    handle_t handle;
    uint32_t signals;  // wanted
    uint32_t observed; // out
    // 0: a level counts. Else WAIT_EDGE and the number of the last edge that the caller knows: the
    // signals count only if one of the object's has been set since; if so, that edge's number comes
    // out, and if not, nothing is observed.
    uint32_t edge;
};
#define WAIT_EDGE 0x80000000u
static_assert(sizeof(struct wait_item) == 16, "struct wait_item is ABI");

// stream_read, stream_write: one piece of a vector.
struct io_piece {
    vaddr_t addr;
    uint64_t bytes;
};

// object_get(log or system, TOPIC_SYSTEM): counters of the whole kernel, for leak checks and tools.
struct system_info {
    uint64_t total_pages;
    uint64_t free_pages;
    uint64_t kernel_pages; // slabs, page tables, object memory
    uint64_t objects;      // kernel objects alive
    uint64_t handles;
    uint64_t processes;
    uint64_t threads;
    uint32_t cpus;
    uint32_t debug; // 1: assertions are compiled in
    instant_t now;
    uint64_t entries; // kernel entries from user mode since boot
    uint64_t aspace_switches;
    uint64_t calls;      // channel calls since boot
    uint64_t fast_calls; // of these by the fast path
};
static_assert(sizeof(struct system_info) == 104, "struct system_info is ABI");

// system_control.
enum system_op {
    SYSTEM_POWER_OFF = 1,
    SYSTEM_RESTART = 2,
    SYSTEM_EXIT = 4, // ends the emulator with a status of 0 to SYSTEM_EXIT_MAX
};
#define SYSTEM_EXIT_MAX 127
