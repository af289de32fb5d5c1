// SPDX-License-Identifier: MIT
//
// Limits and accounting; scheduling parameters, which the kernel does not have yet: all threads are
// equal, and say so.

#include <core/access.h>
#include <core/clock.h>
#include <core/process.h>
#include <core/status.h>
#include <linux/handlers.h>
#include <remote/proc.h>
#include <sys/calls.h>

#define LIMIT_COUNT 16

struct limit {
    uint64_t soft, hard;
};

static int64_t get_limit(uint32_t resource, uint64_t to) {
    const volatile struct identity_page *identity = identity_current();
    const struct limit limit = {identity->limits[resource][0], identity->limits[resource][1]};
    return copy_out(to, &limit, sizeof(limit)) ? 0 : -LINUX_EFAULT;
}

static int64_t set_limit(struct linux_thread *self, uint32_t resource, const struct limit *limit) {
    return limit->soft > limit->hard ? -LINUX_EINVAL
                                     : proc_set_limit_of(self, resource, limit->soft, limit->hard);
}

int64_t linux_prlimit64(struct linux_thread *self, const uint64_t args[6]) {
    int32_t pid = (int32_t)args[0];
    uint32_t resource = (uint32_t)args[1];
    struct limit new;
    if (resource >= LIMIT_COUNT) {
        return -LINUX_EINVAL;
    }
    if (pid != 0 && pid != identity_current()->pid) {
        return pid < 0 ? -LINUX_ESRCH : -LINUX_EPERM;
    }
    if (args[2] != 0 && !copy_in(&new, args[2], sizeof(new))) {
        return -LINUX_EFAULT;
    }
    int64_t result = args[3] == 0 ? 0 : get_limit(resource, args[3]);
    return result == 0 && args[2] != 0 ? set_limit(self, resource, &new) : result;
}

int64_t linux_getrlimit(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return (uint32_t)args[0] >= LIMIT_COUNT ? -LINUX_EINVAL : get_limit((uint32_t)args[0], args[1]);
}

int64_t linux_setrlimit(struct linux_thread *self, const uint64_t args[6]) {
    struct limit new;
    if ((uint32_t)args[0] >= LIMIT_COUNT) {
        return -LINUX_EINVAL;
    }
    return copy_in(&new, args[1], sizeof(new)) ? set_limit(self, (uint32_t)args[0], &new)
                                               : -LINUX_EFAULT;
}

struct usage {
    int64_t user[2], system[2];
    int64_t counts[14];
};
static_assert(sizeof(struct usage) == 144, "struct rusage of Linux");

int64_t linux_getrusage(struct linux_thread *self, const uint64_t args[6]) {
    int32_t who = (int32_t)args[0];
    if (who < -1 || who > 1) {
        return -LINUX_EINVAL;
    }
    int64_t ns = who == -1 ? process_current()->children_time : process_time(self);
    struct usage usage = {.user = {ns / SECOND, ns % SECOND / 1000}};
    return copy_out(args[1], &usage, sizeof(usage)) ? 0 : -LINUX_EFAULT;
}

int64_t linux_sched_yield(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    (void)args;
    (void)!sys_thread_sleep(0, 0);
    return 0;
}

static uint32_t cpu_count(void) {
    struct system_info info = {0};
    status_t status = sys_object_get(process_current()->log, &info, sizeof(info));
    return status == OK && info.cpus > 0 ? info.cpus : 1;
}

int64_t linux_sched_getaffinity(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    uint32_t cpus = cpu_count();
    uint64_t mask = cpus >= 64 ? ~0UL : (1UL << cpus) - 1;
    if ((uint32_t)args[1] < sizeof(mask) || args[1] % 8 != 0) {
        return -LINUX_EINVAL;
    }
    return store_user64(args[2], mask) ? (int64_t)sizeof(mask) : -LINUX_EFAULT;
}

int64_t linux_sched_setaffinity(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    uint64_t mask = 0;
    size_t bytes = (uint32_t)args[1] < 8 ? (uint32_t)args[1] : 8;
    if (!copy_in(&mask, args[2], bytes)) {
        return -LINUX_EFAULT;
    }
    return mask == 0 ? -LINUX_EINVAL : 0;
}

int64_t linux_sched_getscheduler(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return (int32_t)args[0] < 0 ? -LINUX_EINVAL : 0;
}

int64_t linux_sched_getparam(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    if ((int32_t)args[0] < 0 || args[1] == 0) {
        return -LINUX_EINVAL;
    }
    return store_user32(args[1], 0) ? 0 : -LINUX_EFAULT;
}

int64_t linux_sched_get_priority_max(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    uint32_t policy = (uint32_t)args[0];
    return policy == 1 || policy == 2 ? 99 : policy > 6 || policy == 4 ? -LINUX_EINVAL : 0;
}

int64_t linux_sched_get_priority_min(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    uint32_t policy = (uint32_t)args[0];
    return policy == 1 || policy == 2 ? 1 : policy > 6 || policy == 4 ? -LINUX_EINVAL : 0;
}

int64_t linux_getpriority(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return (uint32_t)args[0] > 2 ? -LINUX_EINVAL : 20; // 20 - nice
}

int64_t linux_setpriority(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    int32_t nice = (int32_t)args[2];
    if ((uint32_t)args[0] > 2) {
        return -LINUX_EINVAL;
    }
    return nice < 0 && identity_current()->euid != 0 ? -LINUX_EACCES : 0;
}
