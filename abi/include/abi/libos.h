// SPDX-License-Identifier: MIT
//
// What kernel, libos and servers agree on about a Linux process: where things lie in its address
// space, how the kernel enters the libos, the record that a new libos finds, and the pages that it
// shares with procd.
//
// The libos lies at the top of the user half. Programs' addresses end below it: they can't see it,
// unmap it, or map over it. A program's stack lies below that end, and most processes use little of
// each part of the libos: so all of that meets in one page directory, and what is used of the libos
// in one page table, that of the 2 MiB from LIBOS_NEAR on.
#pragma once

#include <abi/block.h>
#include <abi/types.h>

#define LINUX_ADDR_MIN 0x10000ULL
#define LINUX_ADDR_MAX (LIBOS_BASE + (512ULL << 20)) // programs' addresses end here

#define LIBOS_BASE 0x7f9000000000ULL // begins what one page directory covers
#define LIBOS_NEAR (LIBOS_BASE + (768ULL << 20))
#define LIBOS_BLOCKS LIBOS_TEXT // regions of threads, from here on downwards
#define LIBOS_THREAD_BYTES 1024 // at the end of a region: the libos's own record of the thread
#define LIBOS_REGIONS_MAX 4032  // of BLOCK_REGION_BYTES each
#define LIBOS_TEXT (LIBOS_NEAR + (256ULL << 10))        // the libos image: read, execute; shared
#define LIBOS_TEXT_BYTES_MAX (640ULL << 10)             // room for it
#define LIBOS_CLOCK (LIBOS_TEXT + LIBOS_TEXT_BYTES_MAX) // struct clock_page, read-only
#define LIBOS_IDENTITY (LIBOS_CLOCK + PAGE_SIZE)        // struct identity_page, read-only
#define LIBOS_SIGNALS (LIBOS_IDENTITY + PAGE_SIZE)      // struct signal_page, shared with procd
#define LIBOS_DEFERRALS (LIBOS_SIGNALS + PAGE_SIZE)     // pages of files/deferral.h
#define LIBOS_HEAP (LIBOS_NEAR + (1ULL << 20))          // the libos's own memory
#define LIBOS_HEAP_BYTES (64ULL << 20)
#define LIBOS_RECORD (LIBOS_NEAR + (128ULL << 20)) // struct libos_record and its text
#define LIBOS_SCRATCH (LIBOS_BASE + (32ULL << 30)) // windows of exec, counters of eventfd
#define LIBOS_VIEWS (LIBOS_BASE + (128ULL << 30))  // files mapped for reads, and for writes
#define LIBOS_VIEW_BYTES (4ULL << 30)              // of one: its attribute page, then its contents
#define LIBOS_VIEWS_MAX 64

// Where the region of a thread begins; which region an address in one belongs to.
static inline vaddr_t libos_region(uint32_t region) {
    return LIBOS_BLOCKS - (region + 1ULL) * BLOCK_REGION_BYTES;
}
static inline uint32_t libos_region_of(vaddr_t addr) {
    return (uint32_t)((LIBOS_BLOCKS - 1 - addr) / BLOCK_REGION_BYTES);
}

// Where the kernel enters code that lives in a process (aspace_set_entry). All are user addresses
// of that aspace.
//
// redirect: a `syscall` without the native bit. The kernel stores the return address and the flags
// in the block (redirect_rip, redirect.rflags), sets `masked` and enters with r11 = the block << 16
// and DF, TF and AC clear; all other registers but rcx are the program's. (`shrq $16, %r11` gives
// the block; the way in is a `sysret`, which leaves no better place for it.) With `masked` already
// set (code of the libos makes a Linux call) the call fails with -ENOSYS. Blocks are aligned to
// BLOCK_REGION_BYTES.
//
// upcall: an interruption that is latched while `masked` is 0, or an exception of the program. The
// kernel stores all registers in block->upcall, says why in upcall_kind and so on, sets `masked`
// and enters with rcx = the block; rsp is the program's.
//
// exit range: instructions of the short return, from the store of 0 to `masked` to the jump into
// the program. An interruption that finds the pc in it sets `masked` again and enters exit_begin
// with rcx = the block: so the range needs nothing but the block.
//
// access range: the only instructions of the libos that touch the program's memory. They are leaf
// code: a fault in the range that can't be resolved goes on at access_fault with all registers as
// they were, but rax = the status (ERR_FAULT...), also while masked. Any other fault while masked
// ends the process.
//
// child: where the first thread of a clone starts (process_clone), masked, with rcx = its block and
// otherwise its maker's registers.
struct aspace_entry {
    vaddr_t redirect;
    vaddr_t upcall;
    vaddr_t exit_begin, exit_end;
    vaddr_t access_begin, access_end, access_fault;
    vaddr_t child;
};
static_assert(sizeof(struct aspace_entry) == 64, "struct aspace_entry is ABI");

// The first bytes of the libos image.
#define LIBOS_MAGIC 0x534f4249u // "IBOS"
#define LIBOS_VERSION 1
struct libos_header {
    uint32_t magic;
    uint32_t version;
    uint64_t image_bytes; // all of it, whole pages; every page is mapped read and execute
    vaddr_t start;        // pc of the first thread: rdi = its block, rsi = LIBOS_RECORD; masked
    vaddr_t vdso;         // the vDSO image within the libos image, whole pages
    uint64_t vdso_bytes;
    struct aspace_entry entry;
};
static_assert(sizeof(struct libos_header) == 104, "struct libos_header is ABI");

// The clock: nanoseconds since boot are base_ns + ((cycles - base_cycles) * multiplier >> shift),
// in 128 bits, with the time stamp counter as cycles. Fixed after boot but for realtime_ns, which
// is guarded by sequence (odd while it changes).
struct clock_page {
    uint32_t sequence;
    uint32_t shift;
    uint64_t multiplier;
    uint64_t base_cycles;
    int64_t base_ns;
    int64_t realtime_ns; // Unix time at monotonic time 0
    uint64_t hertz;      // of the time stamp counter
};
static_assert(sizeof(struct clock_page) == 48, "struct clock_page is ABI");

// ---- What a new libos finds at LIBOS_RECORD, written by procd (first process) or by the libos
// that made the exec. Hostile input: checked before use.

#define LIBOS_RECORD_MAGIC 0x4345524cu // "LREC"
#define LIBOS_RECORD_VERSION 1
#define LIBOS_RECORD_BYTES_MAX (4ULL << 20) // with the text: Linux allows 2 MiB of arguments
#define LIBOS_FDS_MAX 1024

enum fd_kind {
    FD_NONE = 0,
    FD_STREAM = 1,   // pipe end, socketpair
    FD_FILE = 2,     // description of a file server (protocol fs)
    FD_LOG = 3,      // the kernel log: writes become lines (recovery, tests)
    FD_EVENT = 4,    // eventfd
    FD_TIMER = 5,    // timerfd
    FD_PORT = 6,     // epoll
    FD_PROCESS = 7,  // pidfd
    FD_LOCAL = 8,    // no kernel object: signalfd, /dev/null and its like (device = rdev)
    FD_TERMINAL = 9, // description of a terminal (protocol tty)
    FD_SERVICE = 10, // channel to a native service (abi/service_device.h)
};

struct libos_fd {
    uint32_t fd;
    handle_t handle;
    uint16_t kind;   // enum fd_kind
    uint16_t marks;  // LIBOS_FD_ bits
    uint32_t flags;  // Linux O_ status flags and access mode
    uint64_t device; // rdev of a device node, 0 otherwise
    uint64_t offset; // of a PRIVATE one; otherwise what its kind keeps there
    uint64_t inode;  // as struct libos_file has them, 0 when not known
    uint64_t secret; //
};
static_assert(sizeof(struct libos_fd) == 48, "struct libos_fd is ABI");
#define LIBOS_FD_CLOEXEC 1
#define LIBOS_FD_VIEWABLE 2 // FD_FILE: its server shows views (fs.open)
// A VIEWABLE one that no other process has: its offset is here and not in the server.
#define LIBOS_FD_PRIVATE 4
// FD_FILE: of a named pipe. `offset` and `device` hold two handles each (libos/files/fifo.c).
#define LIBOS_FD_FIFO 8
#define LIBOS_FD_MET 16 // FIFO: there was a writer since it was opened
// FD_STREAM: a socket. `offset` and `secret` tell its type and who made it (libos/files/socket.c).
#define LIBOS_FD_SOCKET 32

// Secrets of descriptions (protocol fs): by them their server tells a path. 0: it is the root of
// the first file system, or not known.
struct libos_places {
    uint64_t cwd, root, exe;
    uint64_t exe_device, exe_inode; // attributes of the program's file
};

struct libos_record {
    uint32_t magic;
    uint32_t version;
    uint64_t bytes;     // of record and text
    uint32_t is_exec;   // 0: first start, by procd; 1: after aspace_swap
    uint32_t trace;     // 1: print each Linux call to the log (--strace)
    handle_t proc;      // channel to procd, HANDLE_NONE without one
    handle_t root, cwd; // directory descriptions (protocol fs), HANDLE_NONE without files
    handle_t libos;     // vmo of the libos image: READ, EXECUTE, MAP, DUPLICATE, TRANSFER
    handle_t clock;     // vmo of the clock page: READ, MAP, DUPLICATE, TRANSFER
    handle_t log;       // HANDLE_NONE or WRITE
    // FD_FILE description or vmo (see executable_is_vmo) of the program; HANDLE_NONE: the libos
    // opens the path.
    handle_t executable;
    uint32_t executable_is_vmo;
    handle_t thread;            // of the first thread: INTERRUPT
    handle_t signals, identity; // vmos, to map them again at exec
    uint32_t umask;
    uint64_t signal_mask, signal_ignored; // bit n-1: signal n
    uint32_t argc, envc;
    uint32_t fd_count;
    handle_t spent; // the new libos closes it: after an exec, the handle of its own aspace
    handle_t tty;   // channel to open terminals by, HANDLE_NONE without one
    // Channel to vfsd, and the root of the first mount that a walk came to with its number in the
    // upper half; none as long as none did.
    handle_t vfs;
    uint64_t mounted;
    uint32_t has_locks; // 1: the process has locks of stretches of files
    uint32_t spare;
    uint64_t text; // offset: argc strings, then envc strings, then the program's path
    uint64_t text_bytes;
    uint64_t fds;     // offset: fd_count struct libos_fd
    uint64_t seed[2]; // of AT_RANDOM and address layout
    struct libos_places places;
};
static_assert(sizeof(struct libos_record) == 208, "struct libos_record is ABI");

// ---- What the libos shows of its process to who may read its memory (procfsd, for /proc).
//
// It lies at LIBOS_INFO from the start of the program on, and its words do not change; what they
// name does, at any moment and without a lock that others could take. So a reader copies, checks
// what it has, bounds its walks, and takes everything for what it is: the word of a process about
// itself. Addresses are of the process's own memory, and 0 where there is nothing.

#define LIBOS_INFO LIBOS_HEAP
#define LIBOS_INFO_MAGIC 0x4f464e49u // "INFO"
#define LIBOS_INFO_VERSION 1
#define LIBOS_NAME_BYTES 16 // of a thread, with its zero

struct libos_info {
    uint32_t magic;
    uint32_t version;
    vaddr_t args_start, args_end;       // zero-terminated strings, which the program may change
    vaddr_t environ_start, environ_end; //
    vaddr_t code_start, code_end, stack_start;
    vaddr_t auxv_start, auxv_end;
    vaddr_t exe;      // zero-terminated path of the program, as it was when it was begun
    vaddr_t places;   // struct libos_places
    vaddr_t slots;    // struct libos_slot[LIBOS_FDS_MAX]
    vaddr_t mappings; // struct libos_list of struct libos_mapping, sorted by address
    vaddr_t brk;      // two words: where the heap of brk(2) begins and ends
    vaddr_t threads;  // a word: address of the first struct libos_thread
    vaddr_t umask;    // uint32_t
};
static_assert(sizeof(struct libos_info) == 136, "struct libos_info is ABI");

// A descriptor.
struct libos_slot {
    vaddr_t file; // struct libos_file
    uint8_t close_on_exec;
    uint8_t spare[7];
};
static_assert(sizeof(struct libos_slot) == 16, "struct libos_slot is ABI");

// An open file description.
struct libos_file {
    uint32_t references;
    uint16_t kind; // enum fd_kind
    uint8_t directory;
    uint8_t private; // FD_FILE: its offset is `position`, and no longer that of the server
    uint32_t flags;  // O_ flags of Linux
    uint32_t handle;
    uint64_t device;   // rdev of a device
    uint64_t inode;    // FD_FILE; the object's id of a FD_STREAM
    uint64_t secret;   // FD_FILE
    uint64_t position; // with `private`
};
static_assert(sizeof(struct libos_file) == 48, "struct libos_file is ABI");

struct libos_list {
    vaddr_t first;
    uint32_t count;
    uint32_t room;
};

enum mapping_kind {
    MAPPING_ANONYMOUS,
    MAPPING_FILE,
    MAPPING_BRK,
    MAPPING_STACK,
    MAPPING_VDSO,
    MAPPING_CLOCK,
};

struct libos_mapping {
    uint64_t start, end; // whole pages
    uint64_t offset;     // in the file
    uint64_t device, inode;
    vaddr_t name; // zero-terminated path of the file
    uint8_t kind; // enum mapping_kind
    uint8_t protection;
    uint8_t shared;
    uint8_t spare[5];
};
static_assert(sizeof(struct libos_mapping) == 56, "struct libos_mapping is ABI");

struct libos_thread {
    vaddr_t next;
    int32_t tid;
    uint32_t spare;
    char name[LIBOS_NAME_BYTES];
};

// ---- Pages shared with procd.

// Who the process is: written by procd, read by the libos without a call.
struct identity_page {
    uint32_t sequence; // odd while procd writes
    int32_t pid, ppid, pgid, sid;
    uint32_t uid, euid, suid, fsuid, gid, egid, sgid, fsgid;
    uint32_t group_count;
    uint32_t groups[32];
    uint64_t capabilities;
    uint64_t limits[16][2]; // RLIMIT_: soft, hard
};
static_assert(sizeof(struct identity_page) <= PAGE_SIZE, "the identity page is one page");

#define SIGNAL_SLOTS 32
#define SIGNAL_THREADS 48
#define SIGNAL_COUNT 64

// A queued signal. `state` is the last thing written and the first cleared, and the only thing that
// is cleared: by the request id in a slot that was taken already, procd sees at a retry that it has
// given this signal. procd takes the slots in turn.
struct signal_slot {
    uint32_t state; // 0 free, 1 being filled by the libos, 2 full, 3 being filled by procd
    int32_t number;
    int32_t code; // si_code
    int32_t pid;
    uint32_t uid;
    int32_t tid;                  // to this thread only; 0: to the process
    uint64_t value;               // si_value, or si_status of SIGCHLD
    uint64_t thread, call_number; // request id of the kill: a retry adds nothing
};
static_assert(sizeof(struct signal_slot) == 48, "struct signal_slot is ABI");

// What the libos publishes of a thread. procd believes it for choosing whom to interrupt, nothing
// more.
struct signal_thread {
    uint64_t thread; // kernel id, 0: free
    int32_t tid;
    uint32_t reserved;
    uint64_t blocked; // mask
    uint64_t pending; // bits set by procd, taken by the libos with an atomic and
};
static_assert(sizeof(struct signal_thread) == 32, "struct signal_thread is ABI");

// Bits of signal_page.flags.
#define SIGNALS_NO_ZOMBIES 1   // SIGCHLD is ignored on purpose, or SA_NOCLDWAIT: nobody waits
#define SIGNALS_NO_STOP_NEWS 2 // SA_NOCLDSTOP

// A fresh page is all zero, so before the libos has published its sets nothing counts as ignored:
// it looks at what is pending when it starts.
struct signal_page {
    uint64_t pending; // process-wide, bit n-1: signal n; set by procd, taken by the libos
    uint64_t ignored; // published by the libos
    uint64_t caught;
    uint64_t flags;     // published by the libos: SIGNALS_ bits
    uint32_t continues; // counted up by procd at each SIGCONT, from 1
    uint32_t cursor;    // procd's: the slot that it fills next
    uint64_t reserved[3];
    struct signal_slot slots[SIGNAL_SLOTS];
    struct signal_thread threads[SIGNAL_THREADS];
};
static_assert(sizeof(struct signal_page) <= PAGE_SIZE, "the signal page is one page");

// Bits of thread_interrupt that libos and procd use.
#define INTERRUPT_SIGNAL 1u // look at the signal page
#define INTERRUPT_EXIT 2u   // another thread of the process ends it or makes an exec
#define INTERRUPT_STOP 4u   // a stop: end blocking calls, they go on after SIGCONT
#define INTERRUPT_TIMER 8u  // a timer of this process has expired (timer_interrupt)

// Offsets of the fs protocol that are not numbers: the description's own offset, which the server
// moves; the end of the file.
#define FS_AT_CELL UINT64_MAX
#define FS_AT_END (UINT64_MAX - 1)

// Status of a Linux process as process_exit and task_kill give it: the wait status of Linux.
#define LINUX_STATUS_EXIT(code) (((int64_t)(code)&0xff) << 8)
#define LINUX_STATUS_SIGNAL(number) ((int64_t)(number)&0x7f)
