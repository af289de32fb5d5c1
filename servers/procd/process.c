// SPDX-License-Identifier: MIT
//
// What is made for a process hangs on handles that this step has made, or on its record. Before the
// commit nothing has run in it, so closing the handles is all it takes to undo it; the same happens
// at a restart, when the handles of an unfinished step are swept.
//
// The end: the kernel posts the packet again to a successor until the handle of the process is
// closed, which is done in the last step of process_end. So whatever comes before that may be done
// in several steps, each of which finds done what an earlier run has done.

#include "process.h"

#include <abi/objects.h>
#include <abi/rights.h>
#include <ds/format.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/string.h>
#include <sys/thread.h>

#include "groups.h"
#include "kernel.h"
#include "pages.h"
#include "signal.h"

#define EMBRYO_RIGHTS (RIGHT_CREATE | RIGHT_MANAGE | RIGHT_WAIT | RIGHT_TRANSFER)
#define RLIMIT_STACK 3
#define RLIMIT_CORE 4
#define RLIMIT_NPROC 6
#define RLIMIT_NOFILE 7
#define STACK_SOFT (8UL << 20)
#define NOFILE_SOFT 1024UL
#define NOFILE_HARD 4096UL

// ---- making

status_t process_failed(const char *what, status_t status) {
    if (status == ERR_NO_MEMORY || status == ERR_LIMIT) {
        return status;
    }
    log_printf("procd: %s failed with status %d", what, status);
    return ERR_LIMIT;
}

static void first_traits(struct traits *traits) {
    traits->head.used = 1;
    for (uint32_t i = 0; i < LIMITS_MAX; i++) {
        traits->limits[i][0] = traits->limits[i][1] = UINT64_MAX;
    }
    traits->limits[RLIMIT_STACK][0] = STACK_SOFT;
    traits->limits[RLIMIT_CORE][0] = 0;
    traits->limits[RLIMIT_NOFILE][0] = NOFILE_SOFT;
    traits->limits[RLIMIT_NOFILE][1] = NOFILE_HARD;
}

static void fill_record(struct procd *procd, const struct packet *packet,
                        const struct process_wish *wish, const struct process *process) {
    const struct process *parent = wish->parent;
    struct process next = {
        .head = {.used = 1},
        .pid = wish->pid != 0 ? wish->pid : pid_take(procd),
        .state = PROCESS_LIVE,
        .maker_thread = packet->thread,
        .maker_call = packet->call_number,
        .started_ns = (int64_t)sys_clock_get(),
    };
    struct traits traits = {0};
    if (parent != NULL) {
        next.parent = parent->pid;
        next.pgid = parent->pgid;
        next.sid = parent->sid;
        next.terminal = parent->terminal;
        memcpy(next.comm, parent->comm, sizeof(next.comm));
        traits = *traits_of(procd, parent);
    } else {
        next.spawner = packet->process;
        next.pgid = next.sid = next.pid;
        next.terminal = wish->terminal;
        next.key = wish->key;
        first_traits(&traits);
    }
    const size_t from = sizeof(struct vault_head);
    const struct traits *place = traits_of(procd, process);
    struct vault *vault = &procd->server.vault;
    process_set(procd, process, head.used, 1);
    vault_set_bytes(vault, &process->pid, (uint8_t *)&next + from, sizeof(next) - from);
    vault_set(vault, &place->head.used, 1);
    vault_set_bytes(vault, place->ids, (uint8_t *)&traits + from, sizeof(traits) - from);
}

// The process of the kernel, with its end bound to the port.
static status_t make_kernel_process(struct procd *procd, const struct process *process,
                                    handle_t aspace) {
    struct process_options options = {
        .cookie = traits_cookie(traits_of(procd, process)),
    };
    // For people, and for whoever finds it without a record: the call that it was made by.
    text_format(options.label, LABEL_BYTES, "linux %d %lx.%lx", process->pid, process->maker_thread,
                process->maker_call);
    int64_t made = sys_process_create(state_of(procd)->job, aspace, HANDLE_NONE, 0, &options);
    if (made < 0) {
        return (status_t)made;
    }
    step_made(&procd->server.vault, (handle_t)made);
    process_set(procd, process, process, (handle_t)made);
    process_set(procd, process, id, kernel_process((handle_t)made).id);
    process_note(procd, process);
    groups_publish(procd, process);
    return sys_object_bind((handle_t)made, procd->server.port, KEY_ENDED | (uint32_t)process->pid,
                           SIGNAL_PROCESS_ENDED);
}

status_t process_make(struct procd *procd, const struct packet *packet,
                      const struct process_wish *wish, const struct process **out,
                      handle_t *aspace) {
    int32_t slot = process_slot_find(procd);
    *aspace = HANDLE_NONE;
    if (slot < 0) {
        return ERR_LIMIT;
    }
    const struct process *process =
        vault_record(&procd->server.vault, TABLE_PROCESSES, (uint32_t)slot);
    fill_record(procd, packet, wish, process);
    int64_t made = sys_aspace_create(state_of(procd)->job, ASPACE_ALLOW_WX);
    if (made < 0) {
        return process_failed("aspace_create", (status_t)made);
    }
    *aspace = (handle_t)made;
    status_t status = pages_make(procd, process);
    status = status == OK ? pages_map(process, *aspace) : status;
    status = status == OK ? make_kernel_process(procd, process, *aspace) : status;
    *out = process;
    return status == OK ? OK : process_failed("making a process", status);
}

static uint32_t processes_of_user(const struct procd *procd, uint32_t uid) {
    uint32_t count = 0;
    for_each_process(procd, process, slot) {
        if (traits_of(procd, process)->ids[ID_UID] == uid) {
            count += 1 + process->threads;
        }
    }
    return count;
}

static bool user_may_fork(const struct procd *procd, const struct process *parent) {
    const struct traits *traits = traits_of(procd, parent);
    uint64_t limit = traits->limits[RLIMIT_NPROC][0];
    return limit == UINT64_MAX || traits->ids[ID_EUID] == 0 ||
           processes_of_user(procd, traits->ids[ID_UID]) < limit;
}

int64_t proc_do_fork(void *server, const struct packet *packet,
                     const struct proc_fork_request *request, struct proc_fork_reply *reply,
                     handle_t handles_out[1]) {
    struct procd *procd = server;
    (void)request;
    const struct process *parent = process_caller(procd, packet);
    if (parent == NULL) {
        return ERR_NO_PROCESS;
    }
    if (!user_may_fork(procd, parent)) {
        return ERR_LIMIT;
    }
    const struct process *child;
    handle_t aspace;
    status_t status =
        process_make(procd, packet, &(struct process_wish){.parent = parent}, &child, &aspace);
    if (aspace != HANDLE_NONE) {
        (void)!sys_handle_close(aspace); // the process holds it
    }
    if (status != OK) {
        return status;
    }
    int64_t embryo = sys_handle_duplicate(child->process, EMBRYO_RIGHTS);
    if (embryo < 0) {
        return process_failed("handle_duplicate", (status_t)embryo);
    }
    step_made(&procd->server.vault, (handle_t)embryo);
    handles_out[0] = (handle_t)embryo;
    reply->pid = child->pid;
    return 0;
}

int64_t proc_do_fork_failed(void *server, const struct packet *packet,
                            const struct proc_fork_failed_request *request) {
    struct procd *procd = server;
    const struct process *caller = process_caller(procd, packet);
    const struct process *child = process_find(procd, request->pid);
    if (caller == NULL || child == NULL || child->parent != caller->pid || !process_alive(child) ||
        kernel_started(child->process)) {
        return ERR_NO_CHILD;
    }
    process_wake(procd, child);
    process_free(procd, child);
    return 0;
}

// ---- news

uint64_t condition_children(const struct process *child) {
    return child->parent != 0 ? (uint64_t)1 << 32 | (uint32_t)child->parent
                              : (uint64_t)1 << 62 | child->spawner;
}

void process_wake(struct procd *procd, const struct process *child) {
    server_wake(&procd->server, condition_children(child));
    if (is_first(child)) {
        server_wake(&procd->server, condition_first(child->pid));
    }
}

void news_note(struct procd *procd, const struct process *process) {
    process_set(procd, process, news, process->news + 1);
    process_flag(procd, process, 0, FLAG_DUE);
    procd->news_due = true;
    process_wake(procd, process);
}

static struct signal child_signal(const struct procd *procd, const struct process *child) {
    struct signal signal = {
        .number = LINUX_SIGCHLD,
        .pid = child->pid,
        .uid = traits_of(procd, child)->ids[ID_UID],
        .thread = child->id,
        .call_number = child->news,
    };
    int64_t number = child->status & 0x7f;
    if (child->state != PROCESS_ZOMBIE) {
        signal.code = is_stopped(child) ? CHILD_STOPPED : CHILD_CONTINUED;
        signal.value = is_stopped(child) ? (uint64_t)child->stop_signal : LINUX_SIGCONT;
    } else if (number == 0) {
        signal.code = CHILD_EXITED;
        signal.value = (uint64_t)(child->status >> 8 & 0xff);
    } else {
        signal.code = (child->status & 0x80) != 0 ? CHILD_DUMPED : CHILD_KILLED;
        signal.value = (uint64_t)number;
    }
    return signal;
}

static void tell_parent(struct procd *procd, const struct process *child) {
    const struct process *parent = child->parent != 0 ? process_find(procd, child->parent) : NULL;
    if (parent == NULL || !process_alive(parent)) {
        return;
    }
    const struct signal_page *page = signal_page(procd, parent);
    uint64_t flags = page == NULL ? 0 : __atomic_load_n(&page->flags, __ATOMIC_RELAXED);
    if (child->state != PROCESS_ZOMBIE && (flags & SIGNALS_NO_STOP_NEWS) != 0) {
        return;
    }
    struct signal signal = child_signal(procd, child);
    status_t status = signal_send(procd, parent, &signal);
    if (status != OK) {
        log_printf("procd: no SIGCHLD for %d: status %d", parent->pid, status);
    }
}

void news_deliver(struct procd *procd) {
    if (!procd->news_due) {
        return;
    }
    uint32_t told = 0;
    server_checkpoint(&procd->server);
    for_each_process(procd, process, slot) {
        if ((process->flags & FLAG_DUE) == 0) {
            continue;
        }
        tell_parent(procd, process);
        process_flag(procd, process, FLAG_DUE, 0);
        if (++told % CHECKPOINT_RECORDS == 0) {
            server_checkpoint(&procd->server);
        }
    }
    procd->news_due = false;
}

// ---- the end

static void drop_handles(struct procd *procd, const struct process *process) {
    pages_drop(procd, process);
    step_close(&procd->server.vault, process->process);
    step_close(&procd->server.vault, process->thread);
    process_set(procd, process, process, HANDLE_NONE);
    process_set(procd, process, thread, HANDLE_NONE);
}

void process_free(struct procd *procd, const struct process *process) {
    const struct traits *traits = traits_of(procd, process);
    if (process->process != HANDLE_NONE) {
        drop_handles(procd, process);
    }
    process_set(procd, process, head.used, 0);
    vault_set(&procd->server.vault, &traits->head.used, 0);
}

// Whether somebody will wait for the process once it is a zombie.
static bool is_missed(struct procd *procd, const struct process *process) {
    if (process->parent == 0) {
        return is_first(process);
    }
    const struct process *parent = process_find(procd, process->parent);
    if (parent == NULL || !process_alive(parent)) {
        return false;
    }
    const struct signal_page *page = signal_page(procd, parent);
    return page == NULL ||
           (__atomic_load_n(&page->flags, __ATOMIC_RELAXED) & SIGNALS_NO_ZOMBIES) == 0;
}

static void end_threads(struct procd *procd, const struct process *process) {
    uint32_t left = process->threads;
    for (uint32_t slot = 0; left > 0 && slot < procd->thread_top; slot++) {
        const struct thread_id *thread = thread_at(procd, slot);
        if (thread != NULL && thread->owner == process->pid) {
            vault_set(&procd->server.vault, &thread->head.used, 0);
            if (--left % CHECKPOINT_RECORDS == 0) {
                server_checkpoint(&procd->server);
            }
        }
    }
}

// `dying` leaves: the process `tie` itself or its parent. If the two have tied the
// group of `tie` to its session, and nobody else does, members that are
// stopped get a hang-up: nobody could continue them any more.
static void hang_up_group(struct procd *procd, const struct process *tie,
                          const struct process *parent, const struct process *dying) {
    bool stopped = false;
    int32_t pgid = tie->pgid;
    if (parent == NULL || parent->pgid == pgid || parent->sid != tie->sid) {
        return;
    }
    for_each_process(procd, member, slot) {
        stopped |= member != dying && member->pgid == pgid && is_stopped(member);
    }
    if (!stopped || !group_orphaned(procd, pgid, dying)) {
        return;
    }
    for_each_process(procd, target, at) {
        if (target == dying || target->pgid != pgid || !process_alive(target)) {
            continue;
        }
        struct signal signal = {.number = LINUX_SIGHUP,
                                .code = CODE_KERNEL,
                                .thread = dying->id,
                                .call_number = UINT64_MAX};
        // A page that is full has something to look at anyway.
        (void)!signal_send(procd, target, &signal);
        signal.number = LINUX_SIGCONT;
        (void)!signal_send(procd, target, &signal);
        server_checkpoint(&procd->server);
    }
}

// A child whose parent is ending goes to process 1; without one it is nobody's.
static void give_away(struct procd *procd, const struct process *child,
                      const struct process *parent, const struct process *reaper) {
    bool embryo = process_alive(child) && !kernel_started(child->process);
    bool unwanted = reaper == NULL && child->state == PROCESS_ZOMBIE;
    if (embryo || unwanted) {
        process_free(procd, child);
        return;
    }
    if (is_stopped(child)) {
        hang_up_group(procd, child, parent, parent);
    }
    process_set(procd, child, parent, reaper != NULL ? reaper->pid : 0);
    process_set(procd, child, spawner, 0);
    identity_write(procd, child);
    if (child->state == PROCESS_ZOMBIE) {
        news_note(procd, child);
    }
}

static void give_children_away(struct procd *procd, const struct process *process) {
    const struct process *reaper = process->pid != 1 ? process_find(procd, 1) : NULL;
    uint32_t given = 0;
    reaper = reaper != NULL && process_alive(reaper) ? reaper : NULL;
    for_each_process(procd, child, slot) {
        if (child->parent == process->pid) {
            give_away(procd, child, process, reaper);
            // Each may close four handles.
            if (++given % 2 == 0) {
                server_checkpoint(&procd->server);
            }
        }
    }
}

// The wait status of an ended process.
static int64_t wait_status(const struct process_info *info) {
    int64_t number = info->status & 0x7f;
    switch (info->cause) {
    case EXIT_FAULT:
        return LINUX_STATUS_SIGNAL(LINUX_SIGSEGV);
    case EXIT_VOLUNTARY:
        // The libos gives an exit or the signal that it died of; 0x7f would be a stop.
        return number == 0 || number == 0x7f ? info->status & 0xff00 : info->status & 0xff;
    case EXIT_KILLED:
        return number >= 1 && number <= SIGNAL_COUNT ? number : LINUX_STATUS_SIGNAL(LINUX_SIGKILL);
    default:
        return LINUX_STATUS_SIGNAL(LINUX_SIGKILL);
    }
}

// The process has ended: a zombie, or forgotten when nobody will wait for it. Its children go to
// process 1, or are nobody's. Commits in between.
static void process_end(struct procd *procd, const struct process *process,
                        const struct process_info *info) {
    end_threads(procd, process);
    give_children_away(procd, process);
    hang_up_group(procd, process, process_find(procd, process->parent), process);
    server_checkpoint(&procd->server);
    struct process next = *process;
    next.state = PROCESS_ZOMBIE;
    next.status = wait_status(info);
    next.cpu_ns = info->cpu_time;
    next.memory_pages = info->memory_pages;
    next.threads = 0;
    next.flags &= ~(uint32_t)(FLAG_STOPPED | FLAG_NEWS_STOPPED | FLAG_NEWS_CONTINUED);
    const size_t from = offsetof(struct process, pid);
    vault_set_bytes(&procd->server.vault, &process->pid, (uint8_t *)&next + from,
                    sizeof(next) - from);
    drop_handles(procd, process);
    if (is_missed(procd, process)) {
        news_note(procd, process);
    } else {
        // Those who wait for any child may have none left.
        process_wake(procd, process);
        process_free(procd, process);
    }
    news_deliver(procd);
}

void process_notice(struct procd *procd, const struct packet *packet) {
    const struct process *process = process_find(procd, (int32_t)(uint32_t)packet->key);
    if (process == NULL || !process_alive(process)) {
        return;
    }
    struct process_info info = kernel_process(process->process);
    if (info.cause != EXIT_RUNNING) {
        process_end(procd, process, &info);
    }
}

// ---- waiting

// Native callers wait for any first process that they name, for any of their own without a name.
static bool is_child(const struct process *caller, const struct packet *packet,
                     const struct proc_wait_request *request, const struct process *process) {
    if (caller != NULL) {
        return process->parent == caller->pid;
    }
    return is_native(packet) && is_first(process) &&
           (request->who == PROC_WHO_PID || process->spawner == packet->process);
}

static bool is_wanted(const struct process *caller, const struct proc_wait_request *request,
                      const struct process *process) {
    switch (request->who) {
    case PROC_WHO_PID:
        return process->pid == request->id;
    case PROC_WHO_GROUP:
        return request->id != 0 ? process->pgid == request->id
                                : caller != NULL && process->pgid == caller->pgid;
    default:
        return true;
    }
}

// The flag, or the state, that the caller wants to hear of: 0 when there is nothing.
static uint32_t news_of(const struct process *process, uint32_t options) {
    if (process->state == PROCESS_ZOMBIE) {
        return options & PROC_WAIT_EXITED;
    }
    uint32_t news = (options & PROC_WAIT_STOPPED) != 0 ? FLAG_NEWS_STOPPED : 0;
    news |= (options & PROC_WAIT_CONTINUED) != 0 ? FLAG_NEWS_CONTINUED : 0;
    return process->flags & news;
}

static void tell(struct procd *procd, const struct process *process, uint32_t options,
                 struct proc_wait_reply *reply) {
    *reply = (struct proc_wait_reply){
        .pid = process->pid,
        .uid = traits_of(procd, process)->ids[ID_UID],
        .user_ns = process->cpu_ns,
        .max_rss_pages = process->memory_pages,
    };
    if (process->state == PROCESS_ZOMBIE) {
        reply->status = process->status;
    } else {
        reply->status = is_stopped(process) ? 0x7f | (int64_t)process->stop_signal << 8 : 0xffff;
    }
    if ((options & PROC_WAIT_NO_REAP) != 0) {
        return;
    }
    if (process->state == PROCESS_ZOMBIE) {
        process_free(procd, process);
    } else {
        process_flag(procd, process, FLAG_NEWS_STOPPED | FLAG_NEWS_CONTINUED, 0);
    }
}

int64_t proc_do_wait(void *server, const struct packet *packet,
                     const struct proc_wait_request *request, struct proc_wait_reply *reply) {
    struct procd *procd = server;
    const struct process *caller = process_caller(procd, packet);
    const struct process *any = NULL;
    for_each_process(procd, process, slot) {
        if (!is_child(caller, packet, request, process) || !is_wanted(caller, request, process)) {
            continue;
        }
        any = process;
        if (news_of(process, request->options) != 0) {
            tell(procd, process, request->options, reply);
            return 0;
        }
    }
    if (any == NULL) {
        return ERR_NO_CHILD;
    }
    if ((request->options & PROC_WAIT_NO_HANG) != 0) {
        return 0;
    }
    bool one = caller == NULL && request->who == PROC_WHO_PID;
    request_wait(request_of(packet), one ? condition_first(any->pid) : condition_children(any));
    return PROTOCOL_LATER;
}

// ---- after a death of procd

// Processes of the kernel without a record: they were being made.
void process_kill_unknown(struct procd *procd, handle_t job) {
    struct process_info info = {0};
    int64_t handle;
    while ((handle = sys_job_child(job, info.id, &info)) >= 0) {
        if (info.cause == EXIT_RUNNING && info.id != thread_block()->process &&
            process_by_id(procd, info.id) == NULL) {
            // It may have ended meanwhile.
            (void)!sys_task_kill((handle_t)handle, LINUX_STATUS_SIGNAL(LINUX_SIGKILL), 0);
        }
        (void)!sys_handle_close((handle_t)handle);
    }
}

void process_reconcile(struct procd *procd) {
    process_kill_unknown(procd, state_of(procd)->job);
    for_each_process(procd, process, slot) {
        if (!process_alive(process)) {
            continue;
        }
        bool suspended = kernel_suspended(process->process);
        if (suspended && !is_stopped(process)) {
            (void)!sys_process_resume(process->process);
        } else if (!suspended && is_stopped(process)) {
            (void)!sys_process_suspend(process->process);
        }
        credentials_publish(procd, process);
    }
}
