// SPDX-License-Identifier: MIT
//
// Forking, waiting, signals, stops, orphans.

#include "agent.h"

#define EXITED(code) LINUX_STATUS_EXIT(code)
#define STOPPED(number) (0x7f | (int64_t)(number) << 8)
#define CONTINUED 0xffff

// A child that ends when it is told to.
static int32_t fork_sleeper(struct agent *agent) {
    int32_t pid = agent_fork(agent);
    if (pid == 0) {
        agent_await(agent, SIG_LEAVE, 1);
        agent_exit(agent, 7);
    }
    return pid;
}

static void part_fork(struct agent *agent) {
    int32_t pids[4];
    for (int i = 0; i < 4; i++) {
        pids[i] = agent_fork(agent);
        if (pids[i] == 0) {
            WANT(agent, identity()->pid, agent->pid);
            agent_exit(agent, i);
        }
    }
    int64_t seen = 0;
    for (int i = 0; i < 4; i++) {
        int32_t pid = 0;
        int64_t status = agent_wait(agent, &pid, PROC_WAIT_EXITED);
        for (int j = 0; j < 4; j++) {
            if (pids[j] == pid) {
                WANT(agent, status, EXITED(j));
                seen |= 1 << j;
            }
        }
    }
    WANT(agent, seen, 15);
    int32_t pid = 0;
    WANT(agent, agent_wait(agent, &pid, PROC_WAIT_EXITED), ERR_NO_CHILD);
}

static void part_tree(struct agent *agent) {
    int32_t pid = agent_fork(agent);
    if (pid == 0) {
        if (agent->depth < 4) {
            part_tree(agent);
        }
        agent_exit(agent, (int)agent->depth);
    }
    agent_want_exit(agent, pid, EXITED(agent->depth + 1));
}

static void part_no_hang(struct agent *agent) {
    int32_t pid = fork_sleeper(agent), who = pid;
    WANT(agent, agent_wait(agent, &who, PROC_WAIT_EXITED | PROC_WAIT_NO_HANG), 0);
    WANT(agent, who, 0);
    WANT(agent, agent_kill(agent, pid, SIG_LEAVE), OK);
    who = pid;
    WANT(agent, agent_wait(agent, &who, PROC_WAIT_EXITED | PROC_WAIT_NO_REAP), EXITED(7));
    agent_want_exit(agent, pid, EXITED(7));
    who = pid;
    WANT(agent, agent_wait(agent, &who, PROC_WAIT_EXITED), ERR_NO_CHILD);
}

static void part_fork_failed(struct agent *agent) {
    struct proc_fork_request request = {0};
    struct proc_fork_reply reply;
    handle_t embryo[1];
    WANT(agent, proc_fork(agent->proc, &request, &reply, embryo, INSTANT_NEVER), OK);
    struct proc_fork_failed_request failed = {.pid = reply.pid};
    WANT(agent, proc_fork_failed(agent->proc, &failed, INSTANT_NEVER), OK);
    WANT(agent, proc_fork_failed(agent->proc, &failed, INSTANT_NEVER), ERR_NO_CHILD);
    WANT(agent, sys_handle_close(embryo[0]), OK);
    int32_t pid = fork_sleeper(agent);
    failed.pid = pid; // it has started
    WANT(agent, proc_fork_failed(agent->proc, &failed, INSTANT_NEVER), ERR_NO_CHILD);
    WANT(agent, agent_kill(agent, pid, SIG_LEAVE), OK);
    agent_want_exit(agent, pid, EXITED(7));
}

// Signals that queue come as often as they were sent, also when procd dies meanwhile.
static void part_queue(struct agent *agent) {
    uint32_t count = 1 + (uint32_t)agent_random(agent, 12);
    int32_t pid = agent_fork(agent);
    if (pid == 0) {
        agent_await(agent, SIG_QUEUED, count);
        agent_await(agent, SIG_LEAVE, 1);
        WANT(agent, agent->taken[SIG_QUEUED], count);
        agent_exit(agent, (int)count);
    }
    for (uint32_t i = 0; i < count; i++) {
        WANT(agent, agent_kill(agent, pid, SIG_QUEUED), OK);
    }
    WANT(agent, agent_kill(agent, pid, SIG_LEAVE), OK);
    agent_want_exit(agent, pid, EXITED(count));
}

// A page that nobody reads takes so many and no more.
static void part_queue_full(struct agent *agent) {
    int32_t pid = agent_fork(agent);
    if (pid == 0) {
        for (;;) {
            agent_sleep(SECONDS(1));
        }
    }
    for (uint32_t i = 0; i < SIGNAL_SLOTS; i++) {
        WANT(agent, agent_kill(agent, pid, SIG_QUEUED), OK);
    }
    WANT(agent, agent_kill(agent, pid, SIG_QUEUED), ERR_LIMIT);
    WANT(agent, agent_kill(agent, pid, SIG_USR1), OK);
    WANT(agent, agent_kill(agent, pid, SIG_KILL), OK);
    agent_want_exit(agent, pid, SIG_KILL);
}

static void part_thread_signal(struct agent *agent) {
    struct proc_kill_request request = {.number = SIG_QUEUED};
    int32_t pid = agent_fork(agent);
    if (pid == 0) {
        agent_await(agent, SIG_QUEUED, 1);
        agent_exit(agent, 3);
    }
    request.pid = request.tid = pid;
    WANT(agent, proc_kill(agent->proc, &request, INSTANT_NEVER), OK);
    agent_want_exit(agent, pid, EXITED(3));
}

static void part_ignored(struct agent *agent) {
    signals()->ignored = 1UL << (SIG_USR1 - 1);
    WANT(agent, agent_kill(agent, agent->pid, SIG_USR1), OK);
    agent_take_signals(agent);
    WANT(agent, agent->taken[SIG_USR1], 0);
    // One that is blocked is kept, ignored or not.
    signals()->threads[0].blocked = 1UL << (SIG_USR1 - 1);
    WANT(agent, agent_kill(agent, agent->pid, SIG_USR1), OK);
    signals()->ignored = signals()->threads[0].blocked = 0;
    agent_take_signals(agent);
    WANT(agent, agent->taken[SIG_USR1], 1);
    agent->taken[SIG_USR1] = 0;
}

static void part_kill(struct agent *agent) {
    int32_t pid = fork_sleeper(agent);
    WANT(agent, agent_kill(agent, pid, 0), OK);
    WANT(agent, agent_kill(agent, pid, SIG_KILL), OK);
    agent_want_exit(agent, pid, SIG_KILL);
    WANT(agent, agent_kill(agent, pid, 0), ERR_NO_PROCESS);
}

static void part_kill_group(struct agent *agent) {
    int32_t pids[9];
    for (int i = 0; i < 9; i++) {
        pids[i] = fork_sleeper(agent);
        struct proc_set_group_request group = {.pid = pids[i], .pgid = pids[0]};
        WANT(agent, proc_set_group(agent->proc, &group, INSTANT_NEVER), OK);
    }
    WANT(agent, agent_kill(agent, -pids[0], SIG_LEAVE), OK);
    for (int i = 0; i < 9; i++) {
        agent_want_exit(agent, pids[i], EXITED(7));
    }
    WANT(agent, agent_kill(agent, -pids[0], SIG_LEAVE), ERR_NO_PROCESS);
}

// A child that faults died of SIGSEGV.
static void part_fault(struct agent *agent) {
    int32_t pid = agent_fork(agent);
    if (pid == 0) {
        __builtin_trap();
    }
    agent_want_exit(agent, pid, SIG_SEGV);
}

static void part_stop(struct agent *agent) {
    const uint32_t all = PROC_WAIT_EXITED | PROC_WAIT_STOPPED | PROC_WAIT_CONTINUED;
    int32_t pid = fork_sleeper(agent), who = pid;
    WANT(agent, agent_kill(agent, pid, SIG_STOP), OK);
    WANT(agent, agent_kill(agent, pid, SIG_STOP), OK);
    WANT(agent, agent_wait(agent, &who, all), STOPPED(SIG_STOP));
    // Only once is it news; and the stopped one takes no signals.
    WANT(agent, agent_wait(agent, &who, all | PROC_WAIT_NO_HANG), 0);
    WANT(agent, agent_kill(agent, pid, SIG_LEAVE), OK);
    who = pid;
    WANT(agent, agent_wait(agent, &who, PROC_WAIT_EXITED | PROC_WAIT_NO_HANG), 0);
    WANT(agent, agent_kill(agent, pid, SIG_CONT), OK);
    who = pid;
    int64_t status = agent_wait(agent, &who, all);
    if (status == CONTINUED) { // it may have ended already
        status = agent_wait(agent, &who, PROC_WAIT_EXITED);
    }
    WANT(agent, status, EXITED(7));
}

static void part_stop_kill(struct agent *agent) {
    int32_t pid = fork_sleeper(agent), who = pid;
    WANT(agent, agent_kill(agent, pid, SIG_STOP), OK);
    WANT(agent, agent_wait(agent, &who, PROC_WAIT_EXITED | PROC_WAIT_STOPPED), STOPPED(SIG_STOP));
    WANT(agent, agent_kill(agent, pid, SIG_KILL), OK);
    agent_want_exit(agent, pid, SIG_KILL);
}

// A job of a shell that its terminal stops.
static void part_job(struct agent *agent) {
    int32_t pid = agent_fork(agent), who = pid;
    if (pid == 0) {
        struct proc_set_group_request group = {0};
        struct proc_stopped_request request = {.number = SIG_TSTP};
        WANT(agent, proc_set_group(agent->proc, &group, INSTANT_NEVER), OK);
        int64_t result = proc_stopped(agent->proc, &request, INSTANT_NEVER);
        WANT(agent, result == OK || result == ERR_NOT_DONE, true);
        agent_exit(agent, 5);
    }
    WANT(agent, agent_wait(agent, &who, PROC_WAIT_EXITED | PROC_WAIT_STOPPED), STOPPED(SIG_TSTP));
    WANT(agent, agent_kill(agent, pid, SIG_CONT), OK);
    agent_want_exit(agent, pid, EXITED(5));
}

// Reasons not to stop: an orphaned group, a continuation that came meanwhile.
static void part_no_stop(struct agent *agent) {
    int32_t pid = agent_fork(agent);
    if (pid == 0) {
        struct proc_new_session_reply session;
        WANT(agent, proc_new_session(agent->proc, &session, INSTANT_NEVER), OK);
        struct proc_stopped_request request = {.number = SIG_TSTP};
        WANT(agent, proc_stopped(agent->proc, &request, INSTANT_NEVER), OK);
        uint32_t before = signals()->continues;
        WANT(agent, agent_kill(agent, agent->pid, SIG_CONT), OK);
        thread_block()->latched = 0;
        request = (struct proc_stopped_request){SIG_STOP, before != 0 ? before : UINT32_MAX};
        WANT(agent, proc_stopped(agent->proc, &request, INSTANT_NEVER), OK);
        request.number = SIG_USR1;
        WANT(agent, proc_stopped(agent->proc, &request, INSTANT_NEVER), ERR_INVALID_ARGUMENT);
        agent_exit(agent, 6);
    }
    agent_want_exit(agent, pid, EXITED(6));
}

// A SIGCHLD never comes before its zombie.
static void part_told(struct agent *agent) {
    agent_take_signals(agent);
    uint32_t before = agent->taken[SIG_CHLD];
    int32_t pid = agent_fork(agent), who = pid;
    if (pid == 0) {
        agent_exit(agent, 2);
    }
    int64_t status;
    do {
        // Late ones of earlier children come, too.
        agent_await(agent, SIG_CHLD, ++before);
        before = agent->taken[SIG_CHLD];
        who = pid;
        status = agent_wait(agent, &who, PROC_WAIT_EXITED | PROC_WAIT_NO_HANG);
    } while (status == 0 && who == 0);
    WANT(agent, status, EXITED(2));
}

static void part_auto_reap(struct agent *agent) {
    signals()->flags = SIGNALS_NO_ZOMBIES;
    int32_t pid = agent_fork(agent), who = 0;
    if (pid == 0) {
        agent_exit(agent, 2);
    }
    WANT(agent, agent_wait(agent, &who, PROC_WAIT_EXITED), ERR_NO_CHILD);
    signals()->flags = 0;
}

// Without a process 1 an orphan is nobody's, and its end is not missed.
static void part_orphan(struct agent *agent) {
    int32_t pid = agent_fork(agent);
    if (pid == 0) {
        int32_t parent = agent->pid;
        if (agent_fork(agent) == 0) {
            while (identity()->ppid == parent) {
                agent_sleep(MICROSECONDS(200));
            }
            WANT(agent, identity()->ppid, 0);
            agent_exit(agent, 1);
        }
        agent_exit(agent, 4);
    }
    agent_want_exit(agent, pid, EXITED(4));
}

const struct part parts[] = {
    {"fork", part_fork},
    {"tree", part_tree},
    {"no-hang", part_no_hang},
    {"fork-failed", part_fork_failed},
    {"queue", part_queue},
    {"queue-full", part_queue_full},
    {"thread-signal", part_thread_signal},
    {"ignored", part_ignored},
    {"kill", part_kill},
    {"kill-group", part_kill_group},
    {"fault", part_fault},
    {"stop", part_stop},
    {"stop-kill", part_stop_kill},
    {"job", part_job},
    {"no-stop", part_no_stop},
    {"told", part_told},
    {"auto-reap", part_auto_reap},
    {"orphan", part_orphan},
    {"ids", part_ids},
    {"tids", part_tids},
    {"credentials", part_credentials},
    {"limits", part_limits},
    {"list", part_list},
    {"pages", part_pages},
    {"errors", part_errors},
};
const uint32_t part_count = sizeof(parts) / sizeof(parts[0]);
