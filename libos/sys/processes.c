// SPDX-License-Identifier: MIT
//
// Waiting for children; groups and sessions.

#include <core/access.h>
#include <core/clock.h>
#include <core/process.h>
#include <core/signal.h>
#include <core/status.h>
#include <linux/handlers.h>
#include <proto/proc_client.h>

enum wait_option {
    WNOHANG = 1,
    WUNTRACED = 2,
    WEXITED = 4,
    WCONTINUED = 8,
};
#define WNOWAIT 0x01000000u
#define WAIT_CLONE_FORMS 0xe0000000u // of __WNOTHREAD, __WALL, __WCLONE

struct usage {
    int64_t user[2], system[2];
    int64_t max_rss_kib;
    int64_t counts[13];
};
static_assert(sizeof(struct usage) == 144, "struct rusage of Linux");

static bool store_usage(uint64_t to, const struct proc_wait_reply *reply) {
    const struct usage usage = {
        .user = {reply->user_ns / SECOND, reply->user_ns % SECOND / 1000},
        .system = {reply->system_ns / SECOND, reply->system_ns % SECOND / 1000},
        .max_rss_kib = (int64_t)(reply->max_rss_pages * (PAGE_SIZE / 1024)),
    };
    return to == 0 || copy_out(to, &usage, sizeof(usage));
}

static int64_t wait_for(struct proc_wait_request *request, uint32_t options,
                        struct proc_wait_reply *reply) {
    struct linux_process *process = process_current();
    request->options = ((options & WNOHANG) != 0 ? PROC_WAIT_NO_HANG : 0) |
                       ((options & WUNTRACED) != 0 ? PROC_WAIT_STOPPED : 0) |
                       ((options & WEXITED) != 0 ? PROC_WAIT_EXITED : 0) |
                       ((options & WCONTINUED) != 0 ? PROC_WAIT_CONTINUED : 0) |
                       ((options & WNOWAIT) != 0 ? PROC_WAIT_NO_REAP : 0);
    if (process->alone) {
        return -LINUX_ECHILD;
    }
    int64_t result = proc_wait(process->proc, request, reply, INSTANT_NEVER);
    if (result == ERR_INTERRUPTED) {
        return -LINUX_ERESTARTSYS;
    }
    if (result == OK && reply->pid != 0 && (options & WNOWAIT) == 0) {
        int64_t kib = (int64_t)(reply->max_rss_pages * (PAGE_SIZE / 1024));
        process->children_time += reply->user_ns + reply->system_ns;
        process->children_kib = kib > process->children_kib ? kib : process->children_kib;
    }
    return linux_result(result);
}

int64_t linux_wait4(struct linux_thread *self, const uint64_t args[6]) {
    int32_t pid = (int32_t)args[0];
    uint32_t options = (uint32_t)args[2];
    struct proc_wait_reply reply;
    (void)self;
    if ((options & ~(WNOHANG | WUNTRACED | WCONTINUED | WAIT_CLONE_FORMS)) != 0) {
        return -LINUX_EINVAL;
    }
    if (pid == INT32_MIN) {
        return -LINUX_ESRCH;
    }
    struct proc_wait_request request = {
        .who = pid == -1 ? PROC_WHO_ANY
               : pid > 0 ? PROC_WHO_PID
                         : PROC_WHO_GROUP,
        .id = pid > 0 ? pid : -pid,
    };
    int64_t result = wait_for(&request, options | WEXITED, &reply);
    if (result < 0 || reply.pid == 0) {
        return result < 0 ? result : 0;
    }
    bool stored = (args[1] == 0 || store_user32(args[1], (uint32_t)reply.status)) &&
                  store_usage(args[3], &reply);
    return stored ? reply.pid : -LINUX_EFAULT;
}

enum wait_id { P_ALL, P_PID, P_PGID, P_PIDFD };
enum child_code {
    CLD_EXITED = 1,
    CLD_KILLED,
    CLD_DUMPED,
    CLD_TRAPPED,
    CLD_STOPPED,
    CLD_CONTINUED,
};

// What a wait status means in a siginfo.
static void status_info(struct signal_info *info, int64_t status) {
    if (status == 0xffff) {
        info->code = CLD_CONTINUED;
        info->child.status = SIGCONT;
    } else if ((status & 0xff) == 0x7f) {
        info->code = CLD_STOPPED;
        info->child.status = (int32_t)(status >> 8 & 0xff);
    } else if ((status & 0x7f) == 0) {
        info->code = CLD_EXITED;
        info->child.status = (int32_t)(status >> 8 & 0xff);
    } else {
        info->code = (status & 0x80) != 0 ? CLD_DUMPED : CLD_KILLED;
        info->child.status = (int32_t)(status & 0x7f);
    }
}

int64_t linux_waitid(struct linux_thread *self, const uint64_t args[6]) {
    uint32_t type = (uint32_t)args[0], options = (uint32_t)args[3];
    int32_t id = (int32_t)args[1];
    struct proc_wait_reply reply = {0};
    (void)self;
    if ((options & ~(WNOHANG | WUNTRACED | WEXITED | WCONTINUED | WNOWAIT | WAIT_CLONE_FORMS)) !=
            0 ||
        (options & (WUNTRACED | WEXITED | WCONTINUED)) == 0 || type >= P_PIDFD ||
        (type == P_PID && id <= 0) || (type == P_PGID && id < 0)) {
        return type == P_PIDFD ? -LINUX_EBADF : -LINUX_EINVAL;
    }
    struct proc_wait_request request = {
        .who = type == P_ALL   ? PROC_WHO_ANY
               : type == P_PID ? PROC_WHO_PID
                               : PROC_WHO_GROUP,
        .id = id,
    };
    int64_t result = wait_for(&request, options, &reply);
    if (result < 0) {
        return result;
    }
    struct signal_info info = {0};
    if (reply.pid != 0) {
        info.number = SIGCHLD;
        info.child.pid = reply.pid;
        info.child.uid = reply.uid;
        status_info(&info, reply.status);
    }
    bool stored =
        (args[2] == 0 || copy_out(args[2], &info, sizeof(info))) && store_usage(args[4], &reply);
    return stored ? 0 : -LINUX_EFAULT;
}

// ---- Groups and sessions. A process that is alone has its own ids only.

static int64_t get_id(int32_t pid, uint32_t kind) {
    struct linux_process *process = process_current();
    const volatile struct identity_page *identity = identity_current();
    if (pid == 0 || pid == identity->pid) {
        return kind == PROC_ID_PGID ? identity->pgid : identity->sid;
    }
    if (process->alone || pid < 0) {
        return -LINUX_ESRCH;
    }
    const struct proc_get_id_request request = {.pid = pid, .kind = kind};
    struct proc_get_id_reply reply;
    int64_t result = proc_get_id(process->proc, &request, &reply, INSTANT_NEVER);
    return result < 0 ? linux_result(result) : reply.id;
}

int64_t linux_getpgrp(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    (void)args;
    return identity_current()->pgid;
}

int64_t linux_getpgid(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return get_id((int32_t)args[0], PROC_ID_PGID);
}

int64_t linux_getsid(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return get_id((int32_t)args[0], PROC_ID_SID);
}

int64_t linux_setpgid(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    struct linux_process *process = process_current();
    const struct proc_set_group_request request = {.pid = (int32_t)args[0],
                                                   .pgid = (int32_t)args[1]};
    if (request.pid < 0 || request.pgid < 0) {
        return request.pid < 0 ? -LINUX_ESRCH : -LINUX_EINVAL;
    }
    return process->alone ? -LINUX_EPERM
                          : linux_result(proc_set_group(process->proc, &request, INSTANT_NEVER));
}

int64_t linux_setsid(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    (void)args;
    struct linux_process *process = process_current();
    struct proc_new_session_reply reply;
    if (process->alone) {
        return -LINUX_EPERM;
    }
    int64_t result = proc_new_session(process->proc, &reply, INSTANT_NEVER);
    return result < 0 ? linux_result(result) : reply.sid;
}
