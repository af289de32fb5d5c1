// SPDX-License-Identifier: MIT
//
// Reading, writing and polling of terminals. ttyd does the work; here is what concerns the calling
// process: what its signals are, and that a call from the background is made again once the signal
// has done what it does.

#include <files/terminal.h>

#include <abi/terminal.h>
#include <core/process.h>
#include <core/signal.h>
#include <core/status.h>
#include <core/thread.h>
#include <ds/format.h>
#include <files/path.h>
#include <proto/proc_client.h>
#include <proto/tty_client.h>
#include <sys/calls.h>
#include <sys/string.h>

#define STEP_BYTES (1UL << 20) // of a window
#define PTS_MAJOR 136

bool is_terminal(uint64_t rdev) {
    return rdev == DEVICE_CONTROLLING || rdev == DEVICE_CONSOLE || rdev == DEVICE_NEW_PAIR ||
           rdev == DEVICE_SERIAL || rdev >> 8 == PTS_MAJOR;
}

// ---- the background

uint32_t terminal_io_flags(struct linux_thread *self, int32_t number) {
    bool blocked = (self->signals->blocked & signal_bit(number)) != 0;
    bool ignored = process_current()->actions.of[number - 1].handler == SIGNAL_IGNORE;
    return blocked || ignored ? TTY_IO_SIGNAL_OFF : 0;
}

int64_t terminal_result(int64_t status, int32_t number) {
    struct linux_process *process = process_current();
    if (status == ERR_INTERRUPTED) {
        return -LINUX_ERESTARTSYS;
    }
    if (status != ERR_BACKGROUND) {
        return linux_result(status);
    }
    const struct proc_background_request request = {.number = number};
    int64_t sent =
        process->alone ? ERR_BAD_STATE : proc_background(process->proc, &request, INSTANT_NEVER);
    return sent == ERR_BAD_STATE ? -LINUX_EIO : -LINUX_ERESTARTSYS;
}

// ---- reading and writing

static int64_t terminal_read(struct linux_thread *self, struct description *file,
                             const struct io *io) {
    bool wait = (file->flags & O_NONBLOCK) == 0 && !io->more;
    uint64_t bytes = io->bytes < STEP_BYTES ? io->bytes : STEP_BYTES;
    const struct tty_read_request request = {
        .flags = terminal_io_flags(self, SIGTTIN) | (wait ? 0 : TTY_IO_NO_WAIT),
    };
    if (bytes == 0) {
        return 0;
    }
    int64_t got = tty_read(file->handle, &request, (void *)io->addr, bytes, INSTANT_NEVER);
    return terminal_result(got, SIGTTIN);
}

static int64_t terminal_write(struct linux_thread *self, struct description *file,
                              const struct io *io) {
    const struct tty_write_request request = {
        .flags = terminal_io_flags(self, SIGTTOU) |
                 ((file->flags & O_NONBLOCK) != 0 ? TTY_IO_NO_WAIT : 0),
    };
    uint64_t done = 0;
    while (done < io->bytes) {
        uint64_t bytes = io->bytes - done < STEP_BYTES ? io->bytes - done : STEP_BYTES;
        int64_t put = tty_write(file->handle, &request, (const void *)(io->addr + done), bytes,
                                INSTANT_NEVER);
        if (put < 0) {
            return done > 0 ? (int64_t)done : terminal_result(put, SIGTTOU);
        }
        done += (uint64_t)put;
    }
    return (int64_t)done;
}

// ttyname(3) takes a path only when what is there is the very same file. So a terminal is its node,
// where there is one.
static void find_node(uint64_t rdev, struct fs_attributes *attributes) {
    char path[24] = "/dev/console";
    struct fs_attributes node;
    if (rdev >> 8 == PTS_MAJOR) {
        (void)text_format(path, sizeof(path), "/dev/pts/%lu", rdev & 0xff);
    } else if (rdev != DEVICE_CONSOLE) {
        return;
    }
    if (path_stat(AT_CURRENT, path, strlen(path), 0, &node) == 0 && node.rdev == rdev) {
        attributes->device = node.device;
        attributes->inode = node.inode;
    }
}

static int64_t terminal_stat(struct description *file, struct fs_attributes *attributes) {
    const volatile struct identity_page *identity = identity_current();
    *attributes = (struct fs_attributes){
        .device = 0x18, // as of a file system for devices
        .inode = file->device & 0xffff,
        .links = 1,
        .mode = FS_TYPE_CHARACTER << 12 | 0620,
        .uid = identity->uid,
        .gid = 5,
        .rdev = file->device,
        .block_bytes = 1024,
    };
    find_node(file->device, attributes);
    return 0;
}

// ---- readiness

static uint32_t terminal_poll(struct description *file, uint32_t events, struct wait_item *item) {
    bool reads = (events & (POLLIN | POLLRDNORM)) != 0 && can_read(file);
    bool writes = (events & (POLLOUT | POLLWRNORM)) != 0 && can_write(file);
    *item = (struct wait_item){
        .handle = file->handle,
        .signals = TTY_SIGNAL_HUNG_UP | SIGNAL_CHANNEL_PEER_CLOSED |
                   (reads ? TTY_SIGNAL_READABLE : 0) | (writes ? TTY_SIGNAL_WRITABLE : 0),
    };
    return 0;
}

static uint32_t terminal_poll_ready(struct description *file, uint32_t events,
                                    const struct wait_item *items) {
    uint32_t observed = items->observed;
    bool gone = (observed & (TTY_SIGNAL_HUNG_UP | SIGNAL_CHANNEL_PEER_CLOSED)) != 0;
    uint32_t ready = gone ? POLLHUP : 0;
    if (can_read(file) && (observed & TTY_SIGNAL_READABLE) != 0) {
        ready |= events & (POLLIN | POLLRDNORM);
    }
    if (can_write(file) && (observed & TTY_SIGNAL_WRITABLE) != 0) {
        ready |= events & (POLLOUT | POLLWRNORM);
    }
    return ready;
}

const struct file_ops terminal_ops = {
    .read = terminal_read,
    .write = terminal_write,
    .stat = terminal_stat,
    .control = terminal_control,
    .poll = terminal_poll,
    .poll_ready = terminal_poll_ready,
};

// ---- opening

int64_t terminal_install(handle_t handle, uint64_t rdev, uint32_t flags) {
    struct description *file = description_make(FD_TERMINAL, handle, flags, &terminal_ops);
    if (file == NULL) {
        return -LINUX_ENOMEM;
    }
    file->device = rdev;
    return file_install(file, flags, 0);
}

int64_t terminal_open(uint64_t rdev, uint32_t flags) {
    uint32_t access = flags & O_ACCMODE;
    const struct tty_open_request request = {
        .rdev = rdev,
        .flags = (access != O_WRONLY ? TTY_OPEN_READ : 0) |
                 (access != O_RDONLY ? TTY_OPEN_WRITE : 0) |
                 ((flags & O_NOCTTY) != 0 ? TTY_OPEN_NO_CONTROL : 0),
    };
    struct tty_open_reply reply;
    handle_t handle;
    if (process_current()->tty == HANDLE_NONE) {
        return -LINUX_ENXIO;
    }
    int64_t result = tty_open(process_current()->tty, &request, &reply, &handle, INSTANT_NEVER);
    if (result < 0) {
        bool absent = result == ERR_NOT_FOUND;
        return absent ? (rdev >> 8 == PTS_MAJOR ? -LINUX_EIO : -LINUX_ENXIO) : linux_result(result);
    }
    return terminal_install(handle, reply.rdev, flags);
}

void terminal_start(void) {
    struct linux_process *process = process_current();
    for (uint32_t i = 0; i < process->files.bound && process->tty == HANDLE_NONE; i++) {
        const struct description *file = process->files.slots[i].file;
        handle_t service;
        if (file != NULL && file->kind == FD_TERMINAL &&
            tty_service(file->handle, &service, INSTANT_NEVER) >= 0) {
            process->tty = service;
        }
    }
}
