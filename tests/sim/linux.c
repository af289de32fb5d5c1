// SPDX-License-Identifier: MIT
//
// What Linux processes do. What must hold:
//
//   - a child is waited for exactly once, with the status that the kernel knows
//   - a wait never hangs once a child has ended, and a SIGCHLD never comes before its zombie
//   - a queued signal that was sent with success is received exactly once
//   - a stopped process runs again after a continuation, and both are news exactly once
//   - the kernel's cookie of a process, and its page, follow its credentials before the answer
//   - operations that must fail do so, with the declared error

#include "linux_task.h"

#include <abi/libos.h>
#include <proto/proc_client.h>
#include <stdlib.h>
#include <string.h>
#include <sys/calls.h>
#include <sys/thread.h>

#define CHANNEL ((handle_t)1)
#define STUCK_NS SECONDS(60)
#define PATIENCE_NS SECONDS(20)
#define DEPTH_MAX 3
#define QUEUED 40 // a signal that queues
#define LINUX_SIGKILL 9
#define LINUX_SIGCHLD 17
#define LINUX_SIGCONT 18
#define LINUX_SIGSTOP 19
#define LINUX_SIGTSTP 20

static struct task processes[LINUX_MAX];
static struct sim_process *native;
static struct task native_self;
static uint32_t roots_left, root_rounds;
static bool endless, stopping;
uint64_t linux_call_count;
static uint32_t next_serial;

// ---- helpers

static void nap(void) {
    (void)!sys_thread_sleep(sim.now + (duration_t)sim_random(MICROSECONDS(200)), 0);
}

static bool cancelled(int64_t result) {
    if (result == ERR_INTERRUPTED || result == ERR_NOT_DONE) {
        sim.current->latched = 0;
        return true;
    }
    return false;
}

static struct task *free_place(void) {
    for (uint32_t i = 0; i < LINUX_MAX; i++) {
        if (processes[i].process == NULL) {
            return &processes[i];
        }
    }
    return NULL;
}

static uint32_t count_used(void) {
    uint32_t used = 0;
    for (uint32_t i = 0; i < LINUX_MAX; i++) {
        used += processes[i].process != NULL;
    }
    return used;
}

static bool is_alive(const struct task *process) {
    return process->process != NULL && !process->process->dead;
}

static bool is_child(const struct task *parent, const struct task *process) {
    return process->process != NULL && process->parent == parent && !process->reaped;
}

static struct task *some_child(struct task *parent) {
    struct task *found = NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; i < LINUX_MAX; i++) {
        if (is_child(parent, &processes[i]) && sim_random(++count) == 0) {
            found = &processes[i];
        }
    }
    return found;
}

static void process_main(void *argument);

static struct task *process_new(struct task *parent, struct sim_process *process, int32_t pid,
                                uint32_t rounds) {
    struct task *place = free_place();
    *place = (struct task){
        .process = process,
        .parent = parent,
        .pid = pid,
        .depth = parent != NULL ? parent->depth + 1 : 0,
        .rounds = rounds,
        .user = parent != NULL ? parent->user : 0,
        .groups = parent != NULL ? parent->groups : 0,
        .group = parent != NULL ? parent->group : 0,
        .serial = ++next_serial,
        .since = sim.now,
    };
    sim_process_ref(process);
    return place;
}

// ---- signals, as a libos takes them

static struct signal_page *page_of(const struct task *self) {
    struct sim_vmo *vmo = self->process->signals;
    if (vmo->memory == NULL) {
        vmo->memory = calloc(1, vmo->bytes);
    }
    return (struct signal_page *)vmo->memory;
}

static void take_signals(struct task *self) {
    struct signal_page *page = page_of(self);
    __atomic_fetch_and(&page->pending, 0, __ATOMIC_SEQ_CST);
    for (uint32_t i = 0; i < SIGNAL_SLOTS; i++) {
        struct signal_slot *slot = &page->slots[i];
        uint32_t full = 2;
        int32_t number = slot->number;
        if (!__atomic_compare_exchange_n(&slot->state, &full, 0, false, __ATOMIC_SEQ_CST,
                                         __ATOMIC_SEQ_CST)) {
            continue;
        }
        if (number == QUEUED) {
            self->taken++;
        } else if (number == LINUX_SIGCHLD) {
            self->child_signal = true;
        }
        if (self->taken > self->expected + self->maybe + self->senders) {
            world_fail("process %d has taken %u signals, %u were sent", self->pid, self->taken,
                       self->expected);
        }
    }
}

static void signal_child(struct task *self) {
    struct task *child = some_child(self);
    if (child == NULL) {
        return;
    }
    uint32_t serial = child->serial;
    bool alive = is_alive(child);
    struct proc_kill_request request = {.pid = child->pid, .number = QUEUED, .value = serial};
    child->senders++;
    self->sending = child;
    int64_t result = CALL(self, proc_kill(CHANNEL, &request, INSTANT_NEVER));
    self->sending = NULL;
    child->senders--;
    if (result == OK) {
        child->expected++;
    } else if (result != ERR_LIMIT || !alive) {
        world_fail("process %d: kill of child %d gave %ld", self->pid, child->pid, result);
    }
}

// Before it ends a process takes all that it was sent.
static void drain(struct task *self) {
    instant_t until = sim.now + PATIENCE_NS;
    for (;;) {
        take_signals(self);
        if (self->taken >= self->expected && self->senders == 0) {
            break;
        }
        if (sim.now > until) {
            world_fail("process %d has taken %u of %u signals", self->pid, self->taken,
                       self->expected);
            return;
        }
        nap();
    }
}

// ---- waiting

static void check_waited(struct task *self, const struct proc_wait_reply *reply) {
    for (uint32_t i = 0; i < LINUX_MAX; i++) {
        struct task *child = &processes[i];
        if (!is_child(self, child) || child->pid != reply->pid) {
            continue;
        }
        if (!child->process->dead) {
            world_fail("process %d: child %d was waited for and lives", self->pid, child->pid);
        }
        EXPECT(self, "the status", reply->status, child->process->status);
        child->reaped = true;
        return;
    }
    world_fail("process %d: wait gave %d, which is no child", self->pid, reply->pid);
}

static int64_t wait_for(struct task *self, uint32_t who, int32_t id, uint32_t options,
                        struct proc_wait_reply *reply) {
    struct proc_wait_request request = {.who = who, .id = id, .options = options};
    return CALL(self, proc_wait(CHANNEL, &request, reply, INSTANT_NEVER));
}

static void wait_any(struct task *self, uint32_t options) {
    struct proc_wait_reply reply = {0};
    bool any = some_child(self) != NULL;
    if (any && sim_random(8) == 0) {
        (void)!wait_for(self, PROC_WHO_ANY, 0,
                        PROC_WAIT_EXITED | PROC_WAIT_NO_HANG | PROC_WAIT_NO_REAP, &reply);
    }
    int64_t result = wait_for(self, PROC_WHO_ANY, 0, options | PROC_WAIT_EXITED, &reply);
    if (cancelled(result)) {
        return;
    }
    if (!any) {
        EXPECT(self, "wait without children", result, ERR_NO_CHILD);
        return;
    }
    EXPECT(self, "wait", result, OK);
    if (result == OK && (reply.pid != 0 || (options & PROC_WAIT_NO_HANG) == 0)) {
        check_waited(self, &reply);
    }
}

// ---- forking

static struct task *fork_child(struct task *self, uint32_t rounds) {
    struct proc_fork_request request = {0};
    struct proc_fork_reply reply = {0};
    handle_t embryo[1];
    if (free_place() == NULL) {
        return NULL;
    }
    int64_t result = CALL(self, proc_fork(CHANNEL, &request, &reply, embryo, INSTANT_NEVER));
    if (result == ERR_LIMIT && count_used() > PROCESSES_MAX / 2) {
        return NULL;
    }
    EXPECT(self, "fork", result, OK);
    if (result != OK) {
        return NULL;
    }
    struct sim_object *object =
        sim_handle_lookup(sim.current->process->table, embryo[0], OBJECT_PROCESS);
    if (object == NULL || free_place() == NULL) {
        world_fail("process %d: fork gave no embryo", self->pid);
        return NULL;
    }
    if (sim_random(8) == 0) {
        struct proc_fork_failed_request failed = {.pid = reply.pid};
        EXPECT(self, "fork_failed", CALL(self, proc_fork_failed(CHANNEL, &failed, INSTANT_NEVER)),
               OK);
        EXPECT(self, "fork_failed again",
               CALL(self, proc_fork_failed(CHANNEL, &failed, INSTANT_NEVER)), ERR_NO_CHILD);
        (void)!sys_handle_close(embryo[0]);
        return NULL;
    }
    struct sim_process *process = sim_process_of(object);
    struct task *child = process_new(self, process, reply.pid, rounds);
    (void)sim_process_start(process, process_main, child);
    (void)!sys_handle_close(embryo[0]);
    struct proc_fork_failed_request late = {.pid = reply.pid};
    if (sim_random(8) == 0) {
        EXPECT(self, "fork_failed late",
               CALL(self, proc_fork_failed(CHANNEL, &late, INSTANT_NEVER)), ERR_NO_CHILD);
    }
    return child;
}

// A child that ends at once; no wait before the SIGCHLD has come.
static void fork_and_be_told(struct task *self) {
    if (some_child(self) != NULL) {
        return;
    }
    take_signals(self);
    self->child_signal = false;
    struct task *child = fork_child(self, 0);
    instant_t until = sim.now + PATIENCE_NS;
    while (child != NULL && !child->reaped) {
        struct proc_wait_reply reply = {0};
        take_signals(self);
        if (sim.now > until) {
            world_fail("process %d: no SIGCHLD for %d", self->pid, child->pid);
        }
        if (!self->child_signal) {
            nap();
            continue;
        }
        // It may be a late one, of a child that was waited for already.
        self->child_signal = false;
        int64_t result =
            wait_for(self, PROC_WHO_PID, child->pid, PROC_WAIT_EXITED | PROC_WAIT_NO_HANG, &reply);
        if (cancelled(result)) {
            self->child_signal = true;
            continue;
        }
        EXPECT(self, "wait after SIGCHLD", result, OK);
        if (reply.pid != 0) {
            check_waited(self, &reply);
        }
    }
}

// ---- stopping

// Waits for news of one child: the status; -1 when it has ended.
static int64_t wait_news(struct task *self, struct task *child, uint32_t options) {
    struct proc_wait_reply reply = {0};
    int64_t result;
    do {
        result = wait_for(self, PROC_WHO_PID, child->pid, options | PROC_WAIT_EXITED, &reply);
    } while (cancelled(result));
    EXPECT(self, "wait for one", result, OK);
    if (reply.status != 0xffff && (reply.status & 0xff) != 0x7f) {
        check_waited(self, &reply);
        return -1;
    }
    return reply.status;
}

static int64_t send(struct task *self, const struct task *target, int32_t number) {
    struct proc_kill_request request = {.pid = target->pid, .number = number};
    return CALL(self, proc_kill(CHANNEL, &request, INSTANT_NEVER));
}

static void stop_and_continue(struct task *self) {
    struct task *child = some_child(self);
    if (child == NULL || child->grouped) {
        return;
    }
    EXPECT(self, "SIGSTOP", send(self, child, LINUX_SIGSTOP), OK);
    int64_t status = wait_news(self, child, PROC_WAIT_STOPPED);
    if (status == -1) {
        return;
    }
    // It may have made a group of its own meanwhile, and stopped itself.
    int32_t number = child->grouped && status >> 8 == LINUX_SIGTSTP ? LINUX_SIGTSTP : LINUX_SIGSTOP;
    EXPECT(self, "the stop", status, 0x7f | (int64_t)number << 8);
    // It may have stopped itself in the moment after the continuation, which then is no news.
    while (status != -1 && status != 0xffff && !world_failed()) {
        EXPECT(self, "SIGCONT", send(self, child, LINUX_SIGCONT), OK);
        status = wait_news(self, child, PROC_WAIT_STOPPED | PROC_WAIT_CONTINUED);
    }
}

// In a group of its own, as a job of a shell, and stopped by its terminal.
static void stop_oneself(struct task *self) {
    struct proc_set_group_request group = {0};
    if (self->depth == 0) {
        return;
    }
    if (!self->grouped) {
        self->grouped = true;
        EXPECT(self, "set_group", CALL(self, proc_set_group(CHANNEL, &group, INSTANT_NEVER)), OK);
    }
    struct proc_stopped_request request = {.number = LINUX_SIGTSTP};
    self->wants_continue = true;
    int64_t result = CALL(self, proc_stopped(CHANNEL, &request, INSTANT_NEVER));
    self->wants_continue = false;
    if (!cancelled(result)) {
        EXPECT(self, "stopped", result, OK);
    }
}

static void continue_children(struct task *self) {
    for (uint32_t i = 0; i < LINUX_MAX; i++) {
        struct task *child = &processes[i];
        if (is_child(self, child) && is_alive(child) && child->wants_continue) {
            EXPECT(self, "SIGCONT", send(self, child, LINUX_SIGCONT), OK);
        }
    }
}

// ---- ids

static void look_at_ids(struct task *self) {
    struct proc_get_id_request request = {.kind = PROC_ID_PGID};
    struct proc_get_id_reply reply = {0};
    EXPECT(self, "get_id", CALL(self, proc_get_id(CHANNEL, &request, &reply, INSTANT_NEVER)), OK);
    if (self->grouped || self->depth == 0) {
        EXPECT(self, "the group", reply.id, self->pid);
    }
    const struct identity_page *page = (const void *)self->process->identity->memory;
    EXPECT(self, "the page's pid", page->pid, self->pid);
    if (self->parent != NULL && is_alive(self->parent)) {
        EXPECT(self, "the page's ppid", page->ppid, self->parent->pid);
    }
    struct proc_new_session_reply session;
    int64_t result = CALL(self, proc_new_session(CHANNEL, &session, INSTANT_NEVER));
    if (self->grouped || self->depth == 0) {
        EXPECT(self, "new_session", result, ERR_NOT_PERMITTED);
    } else if (result == OK) {
        self->grouped = true; // and a session
        EXPECT(self, "the session", session.sid, self->pid);
        EXPECT(self, "the page's session", page->sid, self->pid);
    }
}

static void use_tids(struct task *self) {
    struct proc_new_tid_reply reply = {0};
    int64_t result = CALL(self, proc_new_tid(CHANNEL, &reply, INSTANT_NEVER));
    if (result == ERR_LIMIT) {
        return;
    }
    EXPECT(self, "new_tid", result, OK);
    struct proc_end_tid_request request = {.tid = reply.tid};
    if (sim_random(4) != 0) { // the others go with the process
        EXPECT(self, "end_tid", CALL(self, proc_end_tid(CHANNEL, &request, INSTANT_NEVER)), OK);
        EXPECT(self, "end_tid again", CALL(self, proc_end_tid(CHANNEL, &request, INSTANT_NEVER)),
               ERR_NOT_FOUND);
    }
}

static void kill_child(struct task *self) {
    struct task *child = some_child(self);
    if (child != NULL) {
        EXPECT(self, "SIGKILL", send(self, child, LINUX_SIGKILL), OK);
        if (sim_random(2) == 0) {
            while (wait_news(self, child, 0) != -1) {
            }
        }
    }
}

// ---- life

static void act(struct task *self) {
    switch (sim_random(16)) {
    case 0:
    case 1:
    case 2:
        if (self->depth < DEPTH_MAX) {
            (void)fork_child(self, (uint32_t)sim_random(4));
        }
        break;
    case 3:
        wait_any(self, PROC_WAIT_NO_HANG);
        break;
    case 4:
        fork_and_be_told(self);
        break;
    case 5:
    case 6:
        signal_child(self);
        break;
    case 7:
        stop_and_continue(self);
        break;
    case 8:
        stop_oneself(self);
        break;
    case 9:
        look_at_ids(self);
        break;
    case 10:
        use_tids(self);
        break;
    case 11:
    case 12:
        change_user(self);
        break;
    case 13:
        change_priority(self);
        break;
    case 14:
        change_groups(self);
        break;
    default:
        kill_child(self);
        break;
    }
}

static void process_main(void *argument) {
    struct task *self = argument;
    // A clone gets the handles of its maker; here the one that counts.
    if (sim.current->process->table->used == 0) {
        world_connect(sim.current->process->table);
    }
    for (uint32_t round = 0; round < self->rounds && !world_failed(); round++) {
        act(self);
        take_signals(self);
        continue_children(self);
    }
    // Some leave their children behind.
    while (sim_random(8) != 0 && some_child(self) != NULL && !world_failed()) {
        continue_children(self);
        wait_any(self, PROC_WAIT_NO_HANG);
        nap();
    }
    drain(self);
    (void)sys_process_exit(LINUX_STATUS_EXIT(self->pid & 0xff));
}

// ---- first processes

// A first process does not know who it is but by its page.
void sim_first_process(void *argument); // of servers/procd/test/sim_image.c

void sim_first_process(void *argument) {
    (void)argument;
    struct sim_process *process = sim.current->process;
    const struct identity_page *page = (const void *)process->identity->memory;
    process_main(process_new(&native_self, process, page->pid, root_rounds));
}

static int64_t spawn_root(void) {
    static const char text[] = "root\0A=1\0/bin/root\0/";
    struct proc_spawn_request request = {.argc = 1, .envc = 1, .path_bytes = 9};
    struct proc_spawn_reply reply = {0};
    handle_t files[3];
    request.key = sim_random(2) == 0 ? 0 : 1 + next_serial;
    for (uint32_t i = 0; i < 3; i++) {
        files[i] = (handle_t)sys_event_create();
    }
    int64_t result = CALL(&native_self, proc_spawn(CHANNEL, &request, text, sizeof(text), files,
                                                   &reply, INSTANT_NEVER));
    int32_t pid = reply.pid;
    if (result == OK && request.key != 0 && sim_random(4) == 0) {
        EXPECT(&native_self, "spawn with the same key",
               CALL(&native_self, proc_spawn(CHANNEL, &request, text, sizeof(text), files, &reply,
                                             INSTANT_NEVER)),
               OK);
        EXPECT(&native_self, "the pid of the same key", reply.pid, pid);
    }
    for (uint32_t i = 0; i < 3; i++) {
        (void)!sys_handle_close(files[i]);
    }
    return result < 0 ? result : pid;
}

static void be_refused(void) {
    struct task *self = &native_self;
    struct proc_fork_request fork = {0};
    struct proc_fork_reply forked;
    handle_t embryo[1];
    struct proc_kill_request kill = {.pid = 99999, .number = QUEUED};
    struct proc_spawn_request spawn = {.argc = 2, .path_bytes = 1};
    struct proc_spawn_reply spawned;
    handle_t file = (handle_t)sys_event_create();
    handle_t files[3] = {file, file, file};
    EXPECT(self, "native fork",
           CALL(self, proc_fork(CHANNEL, &fork, &forked, embryo, INSTANT_NEVER)), ERR_NO_PROCESS);
    EXPECT(self, "kill of nobody", CALL(self, proc_kill(CHANNEL, &kill, INSTANT_NEVER)),
           ERR_NO_PROCESS);
    kill.number = 65;
    EXPECT(self, "kill by no signal", CALL(self, proc_kill(CHANNEL, &kill, INSTANT_NEVER)),
           ERR_INVALID_ARGUMENT);
    EXPECT(self, "spawn with wrong counts",
           CALL(self, proc_spawn(CHANNEL, &spawn, "x\0y", 4, files, &spawned, INSTANT_NEVER)),
           ERR_INVALID_ARGUMENT);
    (void)!sys_handle_close(file);
}

static void spawn_and_wait(void) {
    struct task *self = &native_self;
    struct proc_wait_reply reply = {0};
    int64_t pid = spawn_root();
    if (pid == ERR_LIMIT) {
        struct proc_kill_request request = {.pid = -1, .number = LINUX_SIGKILL};
        (void)!CALL(self, proc_kill(CHANNEL, &request, INSTANT_NEVER));
        nap();
        return;
    }
    if (pid <= 0) {
        world_fail("spawn gave %ld", pid);
        return;
    }
    EXPECT(self, "waiting for a first process",
           wait_for(self, PROC_WHO_PID, (int32_t)pid, PROC_WAIT_EXITED, &reply), OK);
    EXPECT(self, "the pid", reply.pid, pid);
    check_waited(self, &reply);
    roots_left -= !endless;
}

// Ends all that is left.
static void clear_away(void) {
    struct task *self = &native_self;
    struct proc_list_request request = {0};
    struct proc_list_reply reply;
    instant_t until = sim.now + PATIENCE_NS;
    for (;;) {
        struct proc_kill_request kill = {.pid = -1, .number = LINUX_SIGKILL};
        int64_t result = CALL(self, proc_kill(CHANNEL, &kill, INSTANT_NEVER));
        if (CALL(self, proc_list(CHANNEL, &request, &reply, INSTANT_NEVER)) == ERR_NOT_FOUND) {
            return;
        }
        if ((result != OK && result != ERR_NO_PROCESS) || sim.now > until) {
            world_fail("%d is left over (state %c), kill gave %ld", reply.pid, reply.state, result);
            return;
        }
        nap();
    }
}

static void native_main_thread(void *argument) {
    (void)argument;
    ask_for_groups(&native_self);
    be_refused();
    while ((endless ? !stopping : roots_left > 0) && !world_failed()) {
        spawn_and_wait();
    }
    clear_away();
    sim_die(EXIT_VOLUNTARY);
}

void linux_begin(void) {
    memset(processes, 0, sizeof(processes));
    native = NULL;
    native_self = (struct task){.depth = UINT32_MAX}; // the next one is 0
    stopping = false;
    linux_call_count = 0;
    next_serial = 0;
}

void linux_start(uint32_t roots, uint32_t rounds) {
    roots_left = roots;
    root_rounds = rounds;
    endless = roots == 0;
    native = sim_process_create(NULL, false);
    native_self.process = native;
    world_connect(native->table);
    (void)sim_thread_create(native, native_main_thread, NULL);
}

void linux_stop(void) {
    stopping = true;
}

static void forget(struct task *process) {
    for (uint32_t i = 0; i < LINUX_MAX; i++) {
        if (processes[i].parent == process) {
            processes[i].parent = NULL;
        }
    }
    sim_object_unref(&process->process->object);
    process->process = NULL;
}

void linux_end(void) {
    for (uint32_t i = 0; i < LINUX_MAX; i++) {
        if (processes[i].process != NULL) {
            forget(&processes[i]);
        }
    }
}

static void check_stuck(const struct task *process) {
    if (process->busy && process->process->suspended == 0 && sim.now - process->since > STUCK_NS) {
        world_fail("process %d is stuck in a call", process->pid);
    }
}

uint32_t linux_watch(void) {
    uint32_t alive = 0;
    for (uint32_t i = 0; i < LINUX_MAX; i++) {
        struct task *process = &processes[i];
        if (process->process == NULL) {
            continue;
        }
        alive += is_alive(process);
        if (is_alive(process)) {
            check_stuck(process);
            continue;
        }
        if (process->sending != NULL) {
            process->sending->senders--;
            process->sending->maybe++;
            process->sending = NULL;
        }
        bool missed = process->parent != NULL && is_alive(process->parent) && !process->reaped;
        if (!missed && process->senders == 0) {
            forget(process);
        }
    }
    if (native != NULL && native->dead) {
        list_remove(&native->node);
        free(native);
        native = NULL;
        native_self.process = NULL;
    }
    if (native != NULL) {
        check_stuck(&native_self);
    }
    return alive + (native != NULL);
}

static struct task *some_process(void) {
    struct task *process = &processes[sim_random(LINUX_MAX)];
    return is_alive(process) ? process : NULL;
}

void linux_kill_one(void) {
    struct task *process = some_process();
    if (process != NULL) {
        sim_process_end(process->process, EXIT_KILLED);
    }
}

void linux_interrupt_one(void) {
    const struct task *process = some_process();
    if (process == NULL || !process->busy) {
        return;
    }
    list_for_each(node, &sim.threads) {
        struct sim_thread *thread = list_entry(node, struct sim_thread, node);
        if (thread->process == process->process) {
            sim_thread_interrupt(thread);
            return;
        }
    }
}

uint64_t linux_calls(void) {
    return linux_call_count;
}
