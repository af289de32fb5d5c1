// SPDX-License-Identifier: MIT
//
// Descriptors and open file descriptions. A description is one kernel object, or a device that the
// libos plays itself; several descriptors may share it. References count descriptors, and calls
// that are using it: so that a close by another thread does not take it away under a call.
#pragma once

#include <abi/libos.h>
#include <abi/linux/errno.h>
#include <abi/proto/fs.h>
#include <stdbool.h>
#include <sys/mutex.h>

struct linux_thread;
struct deferral;
struct description;
struct view;
struct wait_item;

enum open_flag {
    O_RDONLY = 0,
    O_WRONLY = 1,
    O_RDWR = 2,
    O_ACCMODE = 3,
    O_CREAT = 0100,
    O_EXCL = 0200,
    O_NOCTTY = 0400,
    O_TRUNC = 01000,
    O_APPEND = 02000,
    O_NONBLOCK = 04000,
    O_DSYNC = 010000,
    O_ASYNC = 020000,
    O_DIRECT = 040000,
    O_LARGEFILE = 0100000,
    O_DIRECTORY = 0200000,
    O_NOFOLLOW = 0400000,
    O_NOATIME = 01000000,
    O_CLOEXEC = 02000000,
    O_SYNC = 04010000,
    O_PATH = 010000000,
    O_TMPFILE = 020200000,
};
// What F_SETFL may change.
#define O_CHANGEABLE (O_APPEND | O_NONBLOCK | O_ASYNC | O_DIRECT | O_NOATIME)

#define POLL_ITEMS 3 // objects that one description may have to be waited for

// A read or write of a range of the program's memory.
struct io {
    uint64_t addr;
    uint64_t bytes;
    int64_t offset; // OFFSET_CURRENT, or absolute
    bool more;      // a later piece of the same call: may not wait
};
#define OFFSET_CURRENT (-1L)
#define OFFSET_UNKNOWN UINT64_MAX

enum poll_event {
    POLLIN = 0x1,
    POLLPRI = 0x2,
    POLLOUT = 0x4,
    POLLERR = 0x8,
    POLLHUP = 0x10,
    POLLNVAL = 0x20,
    POLLRDNORM = 0x40,
    POLLRDBAND = 0x80,
    POLLWRNORM = 0x100,
    POLLWRBAND = 0x200,
    POLLRDHUP = 0x2000,
};

// What a kind of file does. A null function means the error behind it. Results are those of
// handlers: a count or a negative error.
struct file_ops {
    // May wait unless the description has O_NONBLOCK.
    int64_t (*read)(struct linux_thread *self, struct description *file, const struct io *io);
    int64_t (*write)(struct linux_thread *self, struct description *file, const struct io *io);
    int64_t (*seek)(struct description *file, int64_t offset, int whence);       // ESPIPE
    int64_t (*stat)(struct description *file, struct fs_attributes *attributes); // EBADF
    int64_t (*control)(struct linux_thread *self, struct description *file, uint32_t request,
                       uint64_t argument); // ENOTTY
    // What is ready now without waiting: poll events. When that is not known, 0, and those of the
    // POLL_ITEMS items filled in whose signals tell (the others stay zero; `edge` of the first
    // counts how often one of the others has become another object); poll_ready translates them
    // back. poll_end is called once for each call of poll. (always ready)
    uint32_t (*poll)(struct description *file, uint32_t events, struct wait_item *items);
    // poll gives one item, always of the same object, and is not ready without it; these signals of
    // it count too, when they are set (files/epoll_set.h).
    bool poll_steady;
    uint32_t poll_also;
    uint32_t (*poll_ready)(struct description *file, uint32_t events,
                           const struct wait_item *items);
    void (*poll_end)(struct description *file, const struct wait_item *items); // (nothing to do)
    void (*close)(struct description *file); // (closes the handle)
};

struct description {
    // As struct libos_file others may read these.
    uint32_t references;
    uint16_t kind;  // enum fd_kind
    bool directory; // FD_FILE: of a directory
    bool private;   // FD_FILE: the offset is `position`, and no other process has the description
    uint32_t flags; // access mode and status flags
    handle_t handle;
    uint64_t device;   // rdev of a device
    uint64_t inode;    // FD_FILE, for locks and maps; the object's id of a stream
    uint64_t secret;   // FD_FILE: for rename, link and /proc
    uint64_t position; // of a private regular file: its offset; a private counter of others

    const struct file_ops *ops;
    uint64_t filesystem; // FD_FILE: st_dev, 0 when not known
    // FD_FILE of a server that shows views (files/view.h, files/regular.c):
    bool viewable;
    bool unseen;       // there is no view of it to be had
    bool leased;       // its view is to be one to write through
    uint32_t uses;     // before there was a view
    uint32_t rewrites; // writes by calls that ended below `written_to`, the largest end of all
    uint64_t written_to;
    uint32_t watched;   // atomic: sets of epoll that it is in
    uint64_t published; // what the server takes for the offset, or OFFSET_UNKNOWN
    struct view *view;  // guarded by views.lock, but for looking whether there is one
    // FD_FILE: the kept channel that it was opened by; null: one of its own. How many forks there
    // were before (files/deferral.h).
    struct deferral *deferral;
    uint32_t forks;
    struct mutex at; // held over all that uses `position` as an offset
    void *data;      // what the kind keeps; of data_bytes
    uint64_t data_bytes;
};

static_assert(offsetof(struct description, handle) == offsetof(struct libos_file, handle) &&
                  offsetof(struct description, private) == offsetof(struct libos_file, private) &&
                  offsetof(struct description, position) == offsetof(struct libos_file, position),
              "what others read");

struct file_slot {
    struct description *file;
    bool close_on_exec;
};
static_assert(sizeof(struct file_slot) == sizeof(struct libos_slot), "what others read");

struct files {
    struct mutex lock;
    // Guarded by lock:
    uint32_t first_free;     // no lower number is free
    uint32_t bound;          // no number from here on is open; it does not sink
    struct file_slot *slots; // LIBOS_FDS_MAX
};

// A fresh description with one reference, or null. The handle becomes its own.
struct description *description_make(uint16_t kind, handle_t handle, uint32_t flags,
                                     const struct file_ops *ops);
void description_release(struct description *file);

// The description of a descriptor, with a reference for the caller; null: EBADF.
struct description *file_get(int fd);
// The same, not for O_PATH descriptors.
struct description *file_get_open(int fd);
// Gives a descriptor at or above `lowest` to a description, whose reference it takes also when it
// fails. EMFILE, EINVAL.
[[nodiscard]] int64_t file_install(struct description *file, uint32_t flags, int lowest);
[[nodiscard]] int64_t file_close(int fd);
// Puts a description in a slot, whatever was in it. files.lock held, or no other thread is there.
void file_put(uint32_t fd, struct description *file, bool close_on_exec);
// The mark of a descriptor that exec closes it. Nothing happens for one that is not open.
bool file_cloexec(int fd);
void file_set_cloexec(int fd, bool on);
// Writes out what descriptions hold back, before the process ends.
void files_flush(void);
// Lets the server keep the offset of a description from now on: another process is going to have it
// too.
void file_share(struct description *file);
// The same for all descriptors; files.lock held. Then, in the child: nobody holds a description's
// lock.
void files_share(void);
void files_begin_child(void);
// The limit of descriptors.
uint32_t files_limit(void);

static inline bool can_read(const struct description *file) {
    return (file->flags & O_ACCMODE) != O_WRONLY && (file->flags & O_PATH) == 0;
}
static inline bool can_write(const struct description *file) {
    return (file->flags & O_ACCMODE) != O_RDONLY && (file->flags & O_PATH) == 0;
}

// The kinds.
extern const struct file_ops stream_ops, socket_ops, fifo_ops, log_ops, file_regular_ops;
extern const struct file_ops event_ops, timer_ops;
// The behaviour of a device by its rdev; null: there is no such device.
const struct file_ops *device_ops(uint64_t rdev);
