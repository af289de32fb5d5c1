// SPDX-License-Identifier: MIT
//
// ioctl on terminals.

#include <files/terminal.h>

#include <abi/terminal.h>
#include <core/access.h>
#include <core/process.h>
#include <core/signal.h>
#include <core/status.h>
#include <proto/tty_client.h>

enum request {
    TCGETS = 0x5401,
    TCSETS = 0x5402,
    TCSETSW = 0x5403,
    TCSETSF = 0x5404,
    TCSBRK = 0x5409,
    TCXONC = 0x540a,
    TCFLSH = 0x540b,
    TIOCEXCL = 0x540c,
    TIOCNXCL = 0x540d,
    TIOCSCTTY = 0x540e,
    TIOCGPGRP = 0x540f,
    TIOCSPGRP = 0x5410,
    TIOCOUTQ = 0x5411,
    TIOCGWINSZ = 0x5413,
    TIOCSWINSZ = 0x5414,
    FIONREAD = 0x541b,
    TIOCNOTTY = 0x5422,
    TIOCGETD = 0x5424,
    TCSBRKP = 0x5425,
    TIOCGSID = 0x5429,
    TIOCVHANGUP = 0x5437,
    TIOCGPTPEER = 0x5441,
    TCGETS2 = 0x802c542a,
    TCSETS2 = 0x402c542b,
    TCSETSW2 = 0x402c542c,
    TCSETSF2 = 0x402c542d,
    TIOCGPTN = 0x80045430,
    TIOCSPTLCK = 0x40045431,
    TIOCGPTLCK = 0x80045439,
};
#define TERMIOS_BYTES 36 // struct termios of the kernel: without the baud rates

static int64_t get_settings(struct description *file, uint64_t argument, size_t bytes) {
    struct tty_get_settings_reply reply;
    int64_t result = tty_get_settings(file->handle, &reply, INSTANT_NEVER);
    if (result < 0) {
        return linux_result(result);
    }
    return copy_out(argument, &reply.settings, bytes) ? 0 : -LINUX_EFAULT;
}

static int64_t set_settings(struct linux_thread *self, struct description *file, uint64_t argument,
                            size_t bytes, uint32_t when) {
    struct tty_get_settings_reply now;
    int64_t result = tty_get_settings(file->handle, &now, INSTANT_NEVER);
    if (result < 0) {
        return linux_result(result);
    }
    struct tty_set_settings_request request = {
        .settings = now.settings,
        .when = when,
        .flags = terminal_io_flags(self, SIGTTOU),
    };
    if (!copy_in(&request.settings, argument, bytes)) {
        return -LINUX_EFAULT;
    }
    return terminal_result(tty_set_settings(file->handle, &request, INSTANT_NEVER), SIGTTOU);
}

static int64_t get_size(struct description *file, uint64_t argument) {
    struct tty_get_size_reply reply;
    int64_t result = tty_get_size(file->handle, &reply, INSTANT_NEVER);
    if (result < 0) {
        return linux_result(result);
    }
    return copy_out(argument, &reply.size, sizeof(reply.size)) ? 0 : -LINUX_EFAULT;
}

static int64_t set_size(struct description *file, uint64_t argument) {
    struct tty_set_size_request request;
    if (!copy_in(&request.size, argument, sizeof(request.size))) {
        return -LINUX_EFAULT;
    }
    return terminal_result(tty_set_size(file->handle, &request, INSTANT_NEVER), SIGTTOU);
}

// ---- sessions and groups

// NOT_FOUND: it is not the controlling terminal.
static int64_t control_result(int64_t status) {
    int64_t result = status == ERR_NOT_FOUND ? -LINUX_ENOTTY : terminal_result(status, SIGTTOU);
    return status == ERR_BACKGROUND && result == -LINUX_EIO ? -LINUX_ENOTTY : result;
}

static int64_t get_control(struct description *file, uint32_t request, uint64_t argument) {
    struct tty_get_control_reply reply;
    int64_t result = tty_get_control(file->handle, &reply, INSTANT_NEVER);
    if (result < 0) {
        return control_result(result);
    }
    int32_t id = request == TIOCGSID ? reply.session : reply.group;
    if (request == TIOCGSID && id == 0) {
        return -LINUX_ENOTTY;
    }
    return store_user32(argument, (uint32_t)id) ? 0 : -LINUX_EFAULT;
}

static int64_t set_group(struct linux_thread *self, struct description *file, uint64_t argument) {
    uint32_t group;
    if (!load_user32(argument, &group)) {
        return -LINUX_EFAULT;
    }
    const struct tty_set_group_request request = {
        .group = (int32_t)group,
        .flags = terminal_io_flags(self, SIGTTOU),
    };
    return control_result(tty_set_group(file->handle, &request, INSTANT_NEVER));
}

static int64_t take_control(struct description *file, uint64_t argument) {
    const struct tty_take_control_request request = {.force = argument == 1};
    return control_result(tty_take_control(file->handle, &request, INSTANT_NEVER));
}

// ---- flow

static int64_t get_available(struct description *file, uint32_t request, uint64_t argument) {
    struct tty_available_reply reply;
    int64_t result = tty_available(file->handle, &reply, INSTANT_NEVER);
    if (result < 0) {
        return linux_result(result);
    }
    uint32_t count = request == FIONREAD ? reply.input : reply.output;
    return store_user32(argument, count) ? 0 : -LINUX_EFAULT;
}

static int64_t drain(struct linux_thread *self, struct description *file) {
    const struct tty_drain_request request = {.flags = terminal_io_flags(self, SIGTTOU)};
    return terminal_result(tty_drain(file->handle, &request, INSTANT_NEVER), SIGTTOU);
}

static int64_t flush(struct linux_thread *self, struct description *file, uint64_t argument) {
    if (argument > 2) {
        return -LINUX_EINVAL;
    }
    const struct tty_flush_request request = {
        .what = (uint32_t)argument + 1, // input, output, both
        .flags = terminal_io_flags(self, SIGTTOU),
    };
    return terminal_result(tty_flush(file->handle, &request, INSTANT_NEVER), SIGTTOU);
}

static int64_t flow(struct linux_thread *self, struct description *file, uint64_t argument) {
    if (argument > TTY_FLOW_SEND_START) {
        return -LINUX_EINVAL;
    }
    const struct tty_flow_request request = {
        .action = (uint32_t)argument,
        .flags = terminal_io_flags(self, SIGTTOU),
    };
    return terminal_result(tty_flow(file->handle, &request, INSTANT_NEVER), SIGTTOU);
}

// ---- pairs

static int64_t pair_result(int64_t status) {
    return status == ERR_NOT_SUPPORTED ? -LINUX_ENOTTY : linux_result(status);
}

static int64_t pair_info(struct description *file, uint32_t request, uint64_t argument) {
    struct tty_pair_reply reply;
    int64_t result = tty_pair(file->handle, &reply, INSTANT_NEVER);
    if (result < 0) {
        return pair_result(result);
    }
    uint32_t value = request == TIOCGPTN ? reply.number : reply.locked;
    return store_user32(argument, value) ? 0 : -LINUX_EFAULT;
}

static int64_t pair_lock(struct description *file, uint64_t argument) {
    uint32_t locked;
    if (!load_user32(argument, &locked)) {
        return -LINUX_EFAULT;
    }
    const struct tty_lock_request request = {.locked = locked != 0};
    return pair_result(tty_lock(file->handle, &request, INSTANT_NEVER));
}

static int64_t pair_peer(struct description *file, uint64_t argument) {
    uint32_t flags = (uint32_t)argument;
    uint32_t access = flags & O_ACCMODE;
    const struct tty_peer_request request = {
        .flags = (access != O_WRONLY ? TTY_OPEN_READ : 0) |
                 (access != O_RDONLY ? TTY_OPEN_WRITE : 0) |
                 ((flags & O_NOCTTY) != 0 ? TTY_OPEN_NO_CONTROL : 0),
    };
    struct tty_peer_reply reply;
    handle_t handle;
    int64_t result = tty_peer(file->handle, &request, &reply, &handle, INSTANT_NEVER);
    return result < 0 ? pair_result(result) : terminal_install(handle, reply.rdev, flags);
}

// ---- all of them

static int64_t control_pair(struct description *file, uint32_t request, uint64_t argument) {
    switch (request) {
    case TIOCGPTN:
    case TIOCGPTLCK:
        return pair_info(file, request, argument);
    case TIOCSPTLCK:
        return pair_lock(file, argument);
    case TIOCGPTPEER:
        return pair_peer(file, argument);
    default:
        return -LINUX_ENOTTY;
    }
}

static int64_t control_session(struct linux_thread *self, struct description *file,
                               uint32_t request, uint64_t argument) {
    switch (request) {
    case TIOCSCTTY:
        return take_control(file, argument);
    case TIOCNOTTY:
        return control_result(tty_leave_control(file->handle, INSTANT_NEVER));
    case TIOCGPGRP:
    case TIOCGSID:
        return get_control(file, request, argument);
    case TIOCSPGRP:
        return set_group(self, file, argument);
    case TIOCVHANGUP:
        return terminal_result(tty_hang_up(file->handle, INSTANT_NEVER), SIGTTOU);
    default:
        return control_pair(file, request, argument);
    }
}

static int64_t control_flow(struct linux_thread *self, struct description *file, uint32_t request,
                            uint64_t argument) {
    switch (request) {
    case TCSBRK:
    case TCSBRKP:
        return drain(self, file);
    case TCXONC:
        return flow(self, file, argument);
    case TCFLSH:
        return flush(self, file, argument);
    case FIONREAD:
    case TIOCOUTQ:
        return get_available(file, request, argument);
    case TIOCEXCL:
    case TIOCNXCL:
        return 0; // everybody here may open it anyway
    case TIOCGETD:
        return store_user32(argument, 0) ? 0 : -LINUX_EFAULT;
    default:
        return control_session(self, file, request, argument);
    }
}

int64_t terminal_control(struct linux_thread *self, struct description *file, uint32_t request,
                         uint64_t argument) {
    const size_t all = sizeof(struct tty_settings);
    switch (request) {
    case TCGETS:
        return get_settings(file, argument, TERMIOS_BYTES);
    case TCGETS2:
        return get_settings(file, argument, all);
    case TCSETS:
    case TCSETSW:
    case TCSETSF:
        return set_settings(self, file, argument, TERMIOS_BYTES, request - TCSETS);
    case TCSETS2:
    case TCSETSW2:
    case TCSETSF2:
        return set_settings(self, file, argument, all, request - TCSETS2);
    case TIOCGWINSZ:
        return get_size(file, argument);
    case TIOCSWINSZ:
        return set_size(file, argument);
    default:
        return control_flow(self, file, request, argument);
    }
}
