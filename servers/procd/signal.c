// SPDX-License-Identifier: MIT
//
// How a signal gets into a page exactly once, although procd may die at any instruction and the
// libos takes signals away at the same time: a slot is filled with the request id first, then the
// bit is set, then a thread is interrupted. A retry that finds its id in a slot has filled it:
// full, the rest is done again, which does no harm; free, the libos has taken it already, for it
// clears nothing but the state. Slots are used in turn, and only one signal was under way when
// procd died, so an id stays readable for long enough.
//
// Nothing that the page says is believed but for the target's own harm: sizes and indices are
// procd's own, words are read once.

#include "signal.h"

#include <sys/calls.h>

#include "kernel.h"
#include "pages.h"
#include "process.h"

enum slot_state { SLOT_FREE = 0, SLOT_FULL = 2, SLOT_MINE = 3 };

// ---- the page

static uint64_t load(const uint64_t *word) {
    return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static bool slot_has_id(const struct signal_slot *slot, const struct signal *signal) {
    return slot->thread == signal->thread && slot->call_number == signal->call_number &&
           slot->number == signal->number && slot->tid == signal->tid;
}

static void slot_fill(struct signal_slot *slot, const struct signal *signal) {
    slot->number = signal->number;
    slot->code = signal->code;
    slot->pid = signal->pid;
    slot->uid = signal->uid;
    slot->tid = signal->tid;
    slot->value = signal->value;
    slot->thread = signal->thread;
    slot->call_number = signal->call_number;
    __atomic_store_n(&slot->state, SLOT_FULL, __ATOMIC_SEQ_CST);
    server_point();
}

enum posted { POSTED_NOW, POSTED_TAKEN, POSTED_NO_ROOM };

// Puts a signal into a slot, unless it was there already.
static enum posted slot_post(struct signal_page *page, const struct signal *signal) {
    for (uint32_t i = 0; i < SIGNAL_SLOTS; i++) {
        uint32_t state = __atomic_load_n(&page->slots[i].state, __ATOMIC_SEQ_CST);
        if ((state == SLOT_FREE || state == SLOT_FULL) && slot_has_id(&page->slots[i], signal)) {
            return state == SLOT_FULL ? POSTED_NOW : POSTED_TAKEN;
        }
    }
    uint32_t cursor = page->cursor;
    for (uint32_t i = 0; i < SIGNAL_SLOTS; i++) {
        uint32_t at = (cursor + i) % SIGNAL_SLOTS;
        struct signal_slot *slot = &page->slots[at];
        uint32_t state = SLOT_FREE;
        // One that is MINE was left by a predecessor.
        if (__atomic_compare_exchange_n(&slot->state, &state, SLOT_MINE, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST) ||
            state == SLOT_MINE) {
            server_point();
            page->cursor = at + 1;
            slot_fill(slot, signal);
            return POSTED_NOW;
        }
    }
    return POSTED_NO_ROOM;
}

// The published thread of an id, null when there is none.
static struct signal_thread *thread_find(struct signal_page *page, int32_t tid) {
    for (uint32_t i = 0; i < SIGNAL_THREADS; i++) {
        if (load(&page->threads[i].thread) != 0 && page->threads[i].tid == tid) {
            return &page->threads[i];
        }
    }
    return NULL;
}

static bool blocked_somewhere(const struct signal_page *page, uint64_t bit) {
    for (uint32_t i = 0; i < SIGNAL_THREADS; i++) {
        if (load(&page->threads[i].thread) != 0 && (load(&page->threads[i].blocked) & bit) != 0) {
            return true;
        }
    }
    return false;
}

// Interrupts the thread, or one that admits the signal; when none has been published, any.
static void wake(const struct process *process, const struct signal_page *page,
                 const struct signal_thread *only, uint64_t bit) {
    bool any = false;
    for (uint32_t i = 0; i < SIGNAL_THREADS; i++) {
        const struct signal_thread *thread = &page->threads[i];
        uint64_t id = load(&thread->thread);
        if (id == 0 || (only != NULL && only != thread)) {
            continue;
        }
        any = true;
        if ((load(&thread->blocked) & bit) == 0 &&
            kernel_interrupt(process->process, id, INTERRUPT_SIGNAL) == OK) {
            return;
        }
    }
    if (!any) {
        // An embryo, or a libos that is just starting: it will look at the page by itself.
        (void)!kernel_interrupt(process->process, 0, INTERRUPT_SIGNAL);
    }
}

static status_t post(struct procd *procd, const struct process *process,
                     const struct signal *signal) {
    struct signal_page *page = signal_page(procd, process);
    uint64_t bit = SIGNAL_BIT(signal->number);
    if (page == NULL) {
        return ERR_LIMIT;
    }
    struct signal_thread *only = signal->tid != 0 ? thread_find(page, signal->tid) : NULL;
    if (only == NULL && signal->tid != 0 && signal->tid != process->pid) {
        return ERR_NO_PROCESS;
    }
    if ((load(&page->ignored) & bit) != 0 && !blocked_somewhere(page, bit)) {
        return OK;
    }
    uint64_t *pending = only != NULL ? &only->pending : &page->pending;
    // Of signals that don't queue one is enough.
    bool merged = signal->number < LINUX_SIGRTMIN && (load(pending) & bit) != 0;
    enum posted posted = merged ? POSTED_NOW : slot_post(page, signal);
    if (posted == POSTED_TAKEN) {
        return OK;
    }
    if (posted == POSTED_NO_ROOM && signal->number >= LINUX_SIGRTMIN) {
        return ERR_LIMIT;
    }
    __atomic_fetch_or(pending, bit, __ATOMIC_SEQ_CST);
    server_point();
    wake(process, page, only, bit);
    return OK;
}

// Takes pending signals back: a continuation those that stop, and the other way round.
static void retract(struct signal_page *page, uint64_t bits) {
    __atomic_fetch_and(&page->pending, ~bits, __ATOMIC_SEQ_CST);
    for (uint32_t i = 0; i < SIGNAL_THREADS; i++) {
        __atomic_fetch_and(&page->threads[i].pending, ~bits, __ATOMIC_SEQ_CST);
    }
    for (uint32_t i = 0; i < SIGNAL_SLOTS; i++) {
        struct signal_slot *slot = &page->slots[i];
        uint32_t full = SLOT_FULL;
        int32_t number = slot->number;
        if (number >= 1 && number <= SIGNAL_COUNT && (SIGNAL_BIT(number) & bits) != 0) {
            (void)__atomic_compare_exchange_n(&slot->state, &full, SLOT_FREE, false,
                                              __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
        }
    }
}

// ---- stop and continue

bool group_orphaned(const struct procd *procd, int32_t pgid, const struct process *dying) {
    for_each_process(procd, member, slot) {
        if (member->pgid != pgid || member == dying || !process_alive(member) ||
            member->parent == 0) {
            continue;
        }
        const struct process *parent = process_find(procd, member->parent);
        if (parent != NULL && parent != dying && parent->pgid != pgid &&
            parent->sid == member->sid) {
            return false;
        }
    }
    return true;
}

// Blocking calls end before the process stops: a stopped reader must not take what comes. They go
// on unseen after the continuation.
static void end_calls(struct procd *procd, const struct process *process) {
    const struct signal_page *page = signal_page(procd, process);
    for (uint32_t i = 0; page != NULL && i < SIGNAL_THREADS; i++) {
        uint64_t id = load(&page->threads[i].thread);
        if (id != 0) {
            (void)!kernel_interrupt(process->process, id, INTERRUPT_STOP);
        }
    }
}

void process_stop(struct procd *procd, const struct process *process, int32_t number) {
    process_set(procd, process, stop_signal, number);
    process_flag(procd, process, FLAG_NEWS_CONTINUED, FLAG_STOPPED | FLAG_NEWS_STOPPED);
    news_note(procd, process);
    end_calls(procd, process);
    // A predecessor may have come so far. It can't fail otherwise but by the end of the process.
    if (!kernel_suspended(process->process)) {
        (void)!sys_process_suspend(process->process);
    }
}

static void process_continue(struct procd *procd, const struct process *process) {
    struct signal_page *page = signal_page(procd, process);
    if (page != NULL) {
        __atomic_fetch_add(&page->continues, page->continues == UINT32_MAX ? 2 : 1,
                           __ATOMIC_SEQ_CST);
        retract(page, STOP_SIGNALS);
    }
    if (is_stopped(process)) {
        process_flag(procd, process, FLAG_STOPPED | FLAG_NEWS_STOPPED, FLAG_NEWS_CONTINUED);
        news_note(procd, process);
        server_wake(&procd->server, condition_continued(process->pid));
    }
    if (kernel_suspended(process->process)) {
        (void)!sys_process_resume(process->process);
    }
}

status_t signal_send(struct procd *procd, const struct process *process,
                     const struct signal *signal) {
    if (!process_alive(process) || signal->number == 0) {
        return OK;
    }
    struct signal_page *page;
    switch (signal->number) {
    case LINUX_SIGKILL:
        // It may have ended just now.
        (void)!sys_task_kill(process->process, LINUX_STATUS_SIGNAL(LINUX_SIGKILL), 0);
        return OK;
    case LINUX_SIGSTOP:
        if (!is_stopped(process)) {
            process_stop(procd, process, LINUX_SIGSTOP);
        }
        return OK;
    case LINUX_SIGCONT:
        process_continue(procd, process);
        return post(procd, process, signal);
    case LINUX_SIGTSTP:
    case LINUX_SIGTTIN:
    case LINUX_SIGTTOU:
        page = signal_page(procd, process);
        if (page != NULL) {
            retract(page, SIGNAL_BIT(LINUX_SIGCONT));
        }
        return post(procd, process, signal);
    default:
        return post(procd, process, signal);
    }
}

// ---- the operations

static bool may_kill(const struct procd *procd, const struct process *caller,
                     const struct process *target, int32_t number) {
    if (caller == NULL) {
        return true; // a native service, which holds the channel for this
    }
    const uint32_t *from = traits_of(procd, caller)->ids;
    const uint32_t *to = traits_of(procd, target)->ids;
    return from[ID_EUID] == 0 || from[ID_EUID] == to[ID_UID] || from[ID_EUID] == to[ID_SUID] ||
           from[ID_UID] == to[ID_UID] || from[ID_UID] == to[ID_SUID] ||
           (number == LINUX_SIGCONT && caller->sid == target->sid);
}

static bool is_target(const struct process *caller, const struct process *process, int32_t pid) {
    if (pid > 0) {
        return process->pid == pid;
    }
    if (pid == -1) {
        return process != caller && process->pid != 1;
    }
    return pid == 0 ? caller != NULL && process->pgid == caller->pgid : process->pgid == -pid;
}

static bool kill_valid(const struct proc_kill_request *request) {
    return request->number >= 0 && request->number <= SIGNAL_COUNT && request->tid >= 0 &&
           (request->tid == 0 || request->pid > 0) && request->pid != INT32_MIN;
}

int64_t proc_do_kill(void *server, const struct packet *packet,
                     const struct proc_kill_request *request) {
    struct procd *procd = server;
    if (!kill_valid(request)) {
        return ERR_INVALID_ARGUMENT;
    }
    const struct process *caller = process_caller(procd, packet);
    struct signal signal = {
        .number = request->number,
        .code = request->code,
        .pid = caller != NULL ? caller->pid : 0,
        .uid = caller != NULL ? traits_of(procd, caller)->ids[ID_UID] : 0,
        .tid = request->tid,
        .value = request->value,
        .thread = packet->thread,
        .call_number = packet->call_number,
    };
    uint32_t found = 0, sent = 0;
    status_t failure = OK;
    for_each_process(procd, process, slot) {
        if (!is_target(caller, process, request->pid)) {
            continue;
        }
        found++;
        if (may_kill(procd, caller, process, request->number)) {
            status_t status = signal_send(procd, process, &signal);
            failure = status != OK ? status : failure;
            if (++sent % CHECKPOINT_RECORDS == 0) {
                server_checkpoint(&procd->server);
            }
        }
    }
    news_deliver(procd);
    if (sent == 0) {
        return found == 0 ? ERR_NO_PROCESS : ERR_NOT_PERMITTED;
    }
    return request->pid > 0 ? failure : OK;
}

static bool is_stop_signal(int32_t number) {
    return number >= 1 && number <= SIGNAL_COUNT && (SIGNAL_BIT(number) & STOP_SIGNALS) != 0;
}

// Whether what the caller wants to stop for is over, or no reason to stop.
static bool stop_is_void(struct procd *procd, const struct process *process,
                         const struct proc_stopped_request *request) {
    const struct signal_page *page = signal_page(procd, process);
    bool continued =
        request->continues != 0 && page != NULL && page->continues != request->continues;
    bool nobody = request->number != LINUX_SIGSTOP && group_orphaned(procd, process->pgid, NULL);
    return is_stopped(process) || continued || nobody;
}

int64_t proc_do_stopped(void *server, const struct packet *packet,
                        const struct proc_stopped_request *request) {
    struct procd *procd = server;
    const struct process *process = process_caller(procd, packet);
    if (process == NULL || !is_stop_signal(request->number)) {
        return process == NULL ? ERR_NO_PROCESS : ERR_INVALID_ARGUMENT;
    }
    bool again =
        process->stopper_thread == packet->thread && process->stopper_call == packet->call_number;
    if (!again) {
        if (stop_is_void(procd, process, request)) {
            return 0;
        }
        process_set(procd, process, stopper_thread, packet->thread);
        process_set(procd, process, stopper_call, packet->call_number);
        process_stop(procd, process, request->number);
        news_deliver(procd);
    }
    if (!is_stopped(process)) {
        return 0;
    }
    // What was changed is committed already: this undoes nothing.
    server_checkpoint(&procd->server);
    request_wait(request_of(packet), condition_continued(process->pid));
    return PROTOCOL_LATER;
}
