// SPDX-License-Identifier: MIT
//
// What the system is: names, sizes, randomness; what a process says of itself.

#include <abi/limits.h>
#include <core/access.h>
#include <core/clock.h>
#include <core/process.h>
#include <core/status.h>
#include <files/path.h>
#include <linux/handlers.h>
#include <proto/fs_client.h>
#include <proto/proc_client.h>
#include <sys/calls.h>
#include <sys/string.h>

#define NAME_BYTES 65

struct system_names {
    char system[NAME_BYTES], node[NAME_BYTES], release[NAME_BYTES], version[NAME_BYTES];
    char machine[NAME_BYTES], domain[NAME_BYTES];
};

int64_t linux_uname(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    struct system_names names = {
        .system = "Linux",
        .node = "prunella",
        .release = "6.1.0-prunella",
        .version = "#1 Prunella " PRUNELLA_VERSION,
        .machine = "x86_64",
        .domain = "(none)",
    };
    struct proc_host_name_reply host;
    if (!process_current()->alone &&
        proc_host_name(process_current()->proc, &host, INSTANT_NEVER) >= 0) {
        memcpy(names.node, host.name, NAME_BYTES - 1);
    }
    return copy_out(args[0], &names, sizeof(names)) ? 0 : -LINUX_EFAULT;
}

int64_t linux_sethostname(struct linux_thread *self, const uint64_t args[6]) {
    struct proc_set_host_name_request request = {0};
    int32_t bytes = (int32_t)args[1];
    (void)self;
    if (identity_current()->euid != 0) {
        return -LINUX_EPERM;
    }
    if (bytes < 0 || bytes >= NAME_BYTES) {
        return -LINUX_EINVAL;
    }
    if (!copy_in(request.name, args[0], (uint64_t)bytes)) {
        return -LINUX_EFAULT;
    }
    return process_current()->alone
               ? -LINUX_ENOSYS
               : linux_result(proc_set_host_name(process_current()->proc, &request, INSTANT_NEVER));
}

#define GRND_FLAGS 7UL // NONBLOCK, RANDOM, INSECURE
#define RANDOM_PIECE 256

int64_t linux_getrandom(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    if ((args[2] & ~GRND_FLAGS) != 0 || (args[2] & 6) == 6) {
        return -LINUX_EINVAL;
    }
    uint64_t bytes = args[1] < INT32_MAX ? args[1] : INT32_MAX, done = 0;
    while (done < bytes) {
        uint8_t piece[RANDOM_PIECE];
        uint64_t size = bytes - done < RANDOM_PIECE ? bytes - done : RANDOM_PIECE;
        status_t status = sys_random_get(piece, size);
        if (status != OK) {
            return linux_result(status);
        }
        if (!copy_out(args[0] + done, piece, size)) {
            return done > 0 ? (int64_t)done : -LINUX_EFAULT;
        }
        done += size;
    }
    return (int64_t)done;
}

struct system_information {
    int64_t uptime;
    uint64_t loads[3];
    uint64_t total_ram, free_ram, shared_ram, buffer_ram, total_swap, free_swap;
    uint16_t processes, pad;
    uint64_t total_high, free_high;
    uint32_t unit, pad2;
};
static_assert(sizeof(struct system_information) == 112, "struct sysinfo of Linux");

// The KiB that a line of /proc/meminfo tells of, in bytes; 0 when there is no such line.
static uint64_t line_of(const char *text, const char *name) {
    size_t length = strlen(name);
    while (*text != '\0' && strncmp(text, name, length) != 0) {
        while (*text != '\0' && *text++ != '\n') {
        }
    }
    uint64_t value = 0;
    for (const char *at = *text != '\0' ? text + length : text; *at != '\0' && *at != '\n'; at++) {
        value = *at >= '0' && *at <= '9' ? value * 10 + (uint64_t)(*at - '0') : value;
    }
    return value << 10;
}

// Memory of the machine: no handle of this process tells it, so it is what /proc tells everybody.
static void memory_sizes(struct linux_thread *self, struct system_information *info) {
    static const char path[] = "/proc/meminfo";
    char text[1024] = "";
    struct path_open open = {.flags = FS_OPEN_READ};
    const struct fs_read_request request = {.size = sizeof(text) - 1};
    if (path_open(self, AT_CURRENT, path, sizeof(path) - 1, &open) < 0) {
        return;
    }
    if (fs_read(open.handle, &request, text, sizeof(text) - 1, INSTANT_NEVER) > 0) {
        info->total_ram = line_of(text, "MemTotal:");
        info->free_ram = line_of(text, "MemFree:");
    }
    (void)!sys_handle_close(open.handle);
}

int64_t linux_sysinfo(struct linux_thread *self, const uint64_t args[6]) {
    struct system_information info = {
        .uptime = clock_now() / 1000000000,
        .processes = 1,
        .unit = 1,
    };
    memory_sizes(self, &info);
    return copy_out(args[0], &info, sizeof(info)) ? 0 : -LINUX_EFAULT;
}

int64_t linux_getcpu(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    bool stored =
        (args[0] == 0 || store_user32(args[0], 0)) && (args[1] == 0 || store_user32(args[1], 0));
    return stored ? 0 : -LINUX_EFAULT;
}

enum arch_request {
    ARCH_SET_GS = 0x1001,
    ARCH_SET_FS = 0x1002,
    ARCH_GET_FS = 0x1003,
    ARCH_GET_GS = 0x1004,
};

int64_t linux_arch_prctl(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    uint64_t base;
    switch ((uint32_t)args[0]) {
    case ARCH_SET_FS:
    case ARCH_SET_GS:
        if (args[1] >= LINUX_ADDR_MAX) {
            return -LINUX_EPERM;
        }
        if ((uint32_t)args[0] == ARCH_SET_FS) {
            __asm__ volatile("wrfsbase %0" : : "r"(args[1]));
        } else {
            __asm__ volatile("wrgsbase %0" : : "r"(args[1]));
        }
        return 0;
    case ARCH_GET_FS:
        __asm__ volatile("rdfsbase %0" : "=r"(base));
        return store_user64(args[1], base) ? 0 : -LINUX_EFAULT;
    case ARCH_GET_GS:
        __asm__ volatile("rdgsbase %0" : "=r"(base));
        return store_user64(args[1], base) ? 0 : -LINUX_EFAULT;
    default:
        return -LINUX_EINVAL;
    }
}

enum process_request {
    PR_SET_PDEATHSIG = 1,
    PR_GET_PDEATHSIG = 2,
    PR_GET_DUMPABLE = 3,
    PR_SET_DUMPABLE = 4,
    PR_GET_KEEPCAPS = 7,
    PR_SET_NAME = 15,
    PR_GET_NAME = 16,
    PR_CAPBSET_READ = 23,
    PR_SET_TIMERSLACK = 29,
    PR_GET_TIMERSLACK = 30,
    PR_SET_NO_NEW_PRIVS = 38,
    PR_GET_NO_NEW_PRIVS = 39,
    PR_SET_VMA = 0x53564d41,
};
#define TIMER_SLACK_NS 50000

static int64_t set_name(struct linux_thread *self, uint64_t from) {
    char name[16];
    int64_t length = copy_string_in(name, from, sizeof(name));
    if (length == -LINUX_EFAULT) {
        return length;
    }
    name[15] = '\0';
    (void)text_copy(self->shown.name, sizeof(self->shown.name), name);
    return 0;
}

int64_t linux_prctl(struct linux_thread *self, const uint64_t args[6]) {
    switch ((uint32_t)args[0]) {
    case PR_SET_NAME:
        return set_name(self, args[1]);
    case PR_GET_NAME:
        return copy_out(args[1], self->shown.name, sizeof(self->shown.name)) ? 0 : -LINUX_EFAULT;
    case PR_GET_DUMPABLE:
        return 1;
    case PR_SET_DUMPABLE:
        return args[1] > 1 ? -LINUX_EINVAL : 0;
    case PR_GET_KEEPCAPS:
    case PR_SET_TIMERSLACK:
    case PR_GET_NO_NEW_PRIVS:
        return 0;
    case PR_GET_TIMERSLACK:
        return TIMER_SLACK_NS;
    case PR_CAPBSET_READ:
        return args[1] <= 40 ? 1 : -LINUX_EINVAL;
    default:
        return -LINUX_EINVAL;
    }
}

int64_t linux_umask(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return __atomic_exchange_n(&process_current()->umask, (uint32_t)args[0] & 0777,
                               __ATOMIC_RELAXED);
}
