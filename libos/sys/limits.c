// SPDX-License-Identifier: MIT
//
// Limits and accounting; scheduling parameters, which the kernel does not heed yet: all threads are
// equal. Priorities are kept by procd and told, no more.

#include <core/access.h>
#include <core/clock.h>
#include <core/process.h>
#include <core/status.h>
#include <linux/handlers.h>
#include <proto/proc_client.h>
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

static int64_t set_limit(int32_t pid, uint32_t resource, const struct limit *limit) {
    return limit->soft > limit->hard ? -LINUX_EINVAL
                                     : proc_set_limit_of(pid, resource, limit->soft, limit->hard);
}

static int64_t get_limit_of(int32_t pid, uint32_t resource, struct limit *limit) {
    const struct proc_get_limit_request request = {.pid = pid, .resource = resource};
    struct proc_get_limit_reply reply;
    int64_t result = process_current()->alone
                         ? ERR_NO_PROCESS
                         : proc_get_limit(process_current()->proc, &request, &reply, INSTANT_NEVER);
    *limit = (struct limit){reply.soft, reply.hard};
    return linux_result(result);
}

int64_t linux_prlimit64(struct linux_thread *self, const uint64_t args[6]) {
    int32_t pid = (int32_t)args[0];
    uint32_t resource = (uint32_t)args[1];
    struct limit new, old;
    (void)self;
    if (resource >= LIMIT_COUNT) {
        return -LINUX_EINVAL;
    }
    if (args[2] != 0 && !copy_in(&new, args[2], sizeof(new))) {
        return -LINUX_EFAULT;
    }
    bool own = pid == 0 || pid == identity_current()->pid;
    int64_t result = own ? 0 : get_limit_of(pid, resource, &old);
    if (result == 0 && args[3] != 0) {
        result = own                                    ? get_limit(resource, args[3])
                 : copy_out(args[3], &old, sizeof(old)) ? 0
                                                        : -LINUX_EFAULT;
    }
    return result == 0 && args[2] != 0 ? set_limit(pid, resource, &new) : result;
}

int64_t linux_getrlimit(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return (uint32_t)args[0] >= LIMIT_COUNT ? -LINUX_EINVAL : get_limit((uint32_t)args[0], args[1]);
}

int64_t linux_setrlimit(struct linux_thread *self, const uint64_t args[6]) {
    struct limit new;
    (void)self;
    if ((uint32_t)args[0] >= LIMIT_COUNT) {
        return -LINUX_EINVAL;
    }
    return copy_in(&new, args[1], sizeof(new)) ? set_limit(0, (uint32_t)args[0], &new)
                                               : -LINUX_EFAULT;
}

struct usage {
    int64_t user[2], system[2];
    int64_t max_rss_kib;
    int64_t counts[13];
};
static_assert(sizeof(struct usage) == 144, "struct rusage of Linux");

int64_t linux_getrusage(struct linux_thread *self, const uint64_t args[6]) {
    int32_t who = (int32_t)args[0];
    if (who < -1 || who > 1) {
        return -LINUX_EINVAL;
    }
    const struct linux_process *process = process_current();
    int64_t ns = who == -1 ? process->children_time : process_time(self);
    struct usage usage = {
        .user = {ns / SECOND, ns % SECOND / 1000},
        .max_rss_kib = who == -1 ? process->children_kib : proc_memory_kib(),
    };
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

static uint64_t cpu_mask(void) {
    uint32_t cpus = cpu_count();
    return cpus >= 64 ? ~0UL : (1UL << cpus) - 1;
}

int64_t linux_sched_getaffinity(struct linux_thread *self, const uint64_t args[6]) {
    uint64_t mask = cpu_mask();
    if ((uint32_t)args[1] < sizeof(mask) || args[1] % 8 != 0) {
        return -LINUX_EINVAL;
    }
    if (!proc_exists(self, (int32_t)args[0])) {
        return -LINUX_ESRCH;
    }
    return store_user64(args[2], mask) ? (int64_t)sizeof(mask) : -LINUX_EFAULT;
}

int64_t linux_sched_setaffinity(struct linux_thread *self, const uint64_t args[6]) {
    uint64_t mask = 0;
    size_t bytes = (uint32_t)args[1] < 8 ? (uint32_t)args[1] : 8;
    if (!copy_in(&mask, args[2], bytes)) {
        return -LINUX_EFAULT;
    }
    if (!proc_exists(self, (int32_t)args[0])) {
        return -LINUX_ESRCH;
    }
    return (mask & cpu_mask()) == 0 ? -LINUX_EINVAL : 0;
}

int64_t linux_sched_getscheduler(struct linux_thread *self, const uint64_t args[6]) {
    int32_t pid = (int32_t)args[0];
    return pid < 0 ? -LINUX_EINVAL : proc_exists(self, pid) ? 0 : -LINUX_ESRCH;
}

int64_t linux_sched_getparam(struct linux_thread *self, const uint64_t args[6]) {
    if ((int32_t)args[0] < 0 || args[1] == 0) {
        return -LINUX_EINVAL;
    }
    if (!proc_exists(self, (int32_t)args[0])) {
        return -LINUX_ESRCH;
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

// Who is alone has nobody to keep it.
int64_t linux_getpriority(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    const struct proc_get_priority_request request = {(uint32_t)args[0], (int32_t)args[1]};
    struct proc_get_priority_reply reply = {0};
    int64_t result = OK;
    if (!process_current()->alone) {
        result = proc_get_priority(process_current()->proc, &request, &reply, INSTANT_NEVER);
    }
    return result < 0 ? linux_result(result) : 20 - reply.nice;
}

int64_t linux_setpriority(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    const struct proc_set_priority_request request = {
        .which = (uint32_t)args[0],
        .id = (int32_t)args[1],
        .nice = (int32_t)args[2],
    };
    return process_current()->alone
               ? 0
               : linux_result(proc_set_priority(process_current()->proc, &request, INSTANT_NEVER));
}
