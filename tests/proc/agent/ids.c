// SPDX-License-Identifier: MIT
//
// Ids, credentials, limits, and the errors.

#include "agent.h"

#include <abi/objects.h>

static int64_t id_of(struct agent *agent, int32_t pid, uint32_t kind) {
    struct proc_get_id_request request = {.pid = pid, .kind = kind};
    struct proc_get_id_reply reply = {0};
    int64_t result = proc_get_id(agent->proc, &request, &reply, INSTANT_NEVER);
    return result == OK ? reply.id : result;
}

static int64_t set_group(struct agent *agent, int32_t pid, int32_t pgid) {
    struct proc_set_group_request request = {pid, pgid};
    return proc_set_group(agent->proc, &request, INSTANT_NEVER);
}

static void session_child(struct agent *agent, int32_t parent) {
    struct proc_new_session_reply reply;
    WANT(agent, id_of(agent, 0, PROC_ID_PPID), parent);
    WANT(agent, identity()->ppid, parent);
    WANT(agent, proc_new_session(agent->proc, &reply, INSTANT_NEVER), OK);
    WANT(agent, reply.sid, agent->pid);
    WANT(agent, id_of(agent, 0, PROC_ID_SID), agent->pid);
    WANT(agent, identity()->sid, agent->pid);
    WANT(agent, identity()->pgid, agent->pid);
    WANT(agent, proc_new_session(agent->proc, &reply, INSTANT_NEVER), ERR_NOT_PERMITTED);
    WANT(agent, set_group(agent, 0, 0), ERR_NOT_PERMITTED); // it leads a session
    agent_exit(agent, 0);
}

void part_ids(struct agent *agent) {
    int32_t self = agent->pid;
    int32_t pid = agent_fork(agent);
    if (pid == 0) {
        session_child(agent, self);
    }
    agent_want_exit(agent, pid, LINUX_STATUS_EXIT(0));
    pid = agent_fork(agent);
    if (pid == 0) {
        agent_await(agent, SIG_QUEUED, 1);
        struct proc_exec_request exec = {.comm = "other"};
        WANT(agent, proc_exec(agent->proc, &exec, INSTANT_NEVER), OK);
        WANT(agent, agent_kill(agent, self, SIG_QUEUED), OK);
        agent_await(agent, SIG_LEAVE, 1);
        agent_exit(agent, 0);
    }
    WANT(agent, set_group(agent, pid, pid), OK);
    WANT(agent, id_of(agent, pid, PROC_ID_PGID), pid);
    WANT(agent, set_group(agent, pid, 99999), ERR_NOT_PERMITTED);
    WANT(agent, agent_kill(agent, pid, SIG_QUEUED), OK);
    agent_await(agent, SIG_QUEUED, 1);
    agent->taken[SIG_QUEUED] = 0;
    WANT(agent, set_group(agent, pid, self), ERR_FORBIDDEN);
    WANT(agent, agent_kill(agent, pid, SIG_LEAVE), OK);
    agent_want_exit(agent, pid, LINUX_STATUS_EXIT(0));
}

void part_tids(struct agent *agent) {
    struct proc_new_tid_reply reply[10];
    for (int i = 0; i < 10; i++) {
        WANT(agent, proc_new_tid(agent->proc, &reply[i], INSTANT_NEVER), OK);
        for (int j = 0; j < i; j++) {
            WANT(agent, reply[i].tid != reply[j].tid, true);
        }
    }
    for (int i = 0; i < 10; i++) {
        struct proc_end_tid_request request = {.tid = reply[i].tid};
        WANT(agent, proc_end_tid(agent->proc, &request, INSTANT_NEVER), OK);
        WANT(agent, proc_end_tid(agent->proc, &request, INSTANT_NEVER), ERR_NOT_FOUND);
    }
}

static void become_user(struct agent *agent, uint32_t user) {
    struct proc_set_groups_request groups = {.count = 2, .groups = {5, 6}};
    WANT(agent, proc_set_groups(agent->proc, &groups, INSTANT_NEVER), OK);
    WANT(agent, identity()->group_count, 2);
    WANT(agent, identity()->groups[1], 6);
    groups.count = 33;
    WANT(agent, proc_set_groups(agent->proc, &groups, INSTANT_NEVER), ERR_INVALID_ARGUMENT);
    struct proc_set_ids_request ids = {.what = 0x77};
    for (int i = 0; i < 8; i++) {
        ids.ids[i] = user;
    }
    WANT(agent, proc_set_ids(agent->proc, &ids, INSTANT_NEVER), OK);
    WANT(agent, identity()->euid, user);
    WANT(agent, identity()->fsuid, user);
    WANT(agent, identity()->fsgid, user);
    WANT(agent, identity()->capabilities, 0);
}

void part_credentials(struct agent *agent) {
    int32_t self = agent->pid;
    int32_t pid = agent_fork(agent);
    if (pid == 0) {
        become_user(agent, 1000);
        struct proc_set_ids_request root = {.what = 1};
        struct proc_set_groups_request none = {0};
        WANT(agent, proc_set_ids(agent->proc, &root, INSTANT_NEVER), ERR_NOT_PERMITTED);
        WANT(agent, proc_set_groups(agent->proc, &none, INSTANT_NEVER), ERR_NOT_PERMITTED);
        WANT(agent, agent_kill(agent, self, SIG_USR1), ERR_NOT_PERMITTED);
        // The session is the same.
        WANT(agent, agent_kill(agent, self, SIG_CONT), OK);
        int32_t own = agent_fork(agent);
        if (own == 0) {
            WANT(agent, identity()->uid, 1000);
            agent_exit(agent, 0);
        }
        agent_want_exit(agent, own, LINUX_STATUS_EXIT(0));
        agent_exit(agent, 0);
    }
    agent_want_exit(agent, pid, LINUX_STATUS_EXIT(0));
    agent_take_signals(agent);
}

static int64_t set_limit(struct agent *agent, uint32_t resource, uint64_t soft, uint64_t hard) {
    struct proc_set_limit_request request = {
        .resource = resource,
        .soft = soft,
        .hard = hard,
    };
    return proc_set_limit(agent->proc, &request, INSTANT_NEVER);
}

void part_limits(struct agent *agent) {
    int32_t pid = agent_fork(agent);
    if (pid == 0) {
        WANT(agent, set_limit(agent, 16, 1, 1), ERR_INVALID_ARGUMENT);
        WANT(agent, set_limit(agent, 7, 2, 1), ERR_INVALID_ARGUMENT);
        WANT(agent, set_limit(agent, 7, 100, 1UL << 20), OK);
        WANT(agent, identity()->limits[7][0], 100);
        WANT(agent, identity()->limits[7][1], 1UL << 20);
        WANT(agent, set_limit(agent, 6, 0, 0), OK); // processes
        struct proc_set_ids_request ids = {.what = 7, .ids = {4000, 4000, 4000}};
        WANT(agent, proc_set_ids(agent->proc, &ids, INSTANT_NEVER), OK);
        WANT(agent, set_limit(agent, 7, 100, 2UL << 20), ERR_NOT_PERMITTED);
        struct proc_fork_request fork = {0};
        struct proc_fork_reply forked;
        handle_t embryo[1];
        WANT(agent, proc_fork(agent->proc, &fork, &forked, embryo, INSTANT_NEVER), ERR_LIMIT);
        agent_exit(agent, 0);
    }
    agent_want_exit(agent, pid, LINUX_STATUS_EXIT(0));
}

void part_list(struct agent *agent) {
    struct proc_list_request request = {0};
    struct proc_list_reply reply;
    bool found = false;
    int64_t result;
    while ((result = proc_list(agent->proc, &request, &reply, INSTANT_NEVER)) == OK) {
        WANT(agent, reply.pid > request.after, true);
        if (reply.pid == agent->pid) {
            found = true;
            WANT(agent, reply.state, 'R');
            WANT(agent, reply.process, thread_block()->process);
            WANT(agent, reply.threads, 1);
            WANT(agent, reply.memory_pages > 0, true);
        }
        request.after = reply.pid;
    }
    WANT(agent, found, true);
    WANT(agent, result, ERR_NOT_FOUND);
}

void part_pages(struct agent *agent) {
    handle_t pages[2];
    struct identity_page page;
    uint64_t word;
    WANT(agent, proc_pages(agent->proc, pages, INSTANT_NEVER), OK);
    WANT(agent, sys_vmo_read(pages[1], 0, &page, sizeof(page)), sizeof(page));
    WANT(agent, page.pid, agent->pid);
    WANT(agent, sys_vmo_write(pages[1], 0, &page, 8), ERR_ACCESS_DENIED);
    WANT(agent, sys_vmo_read(pages[0], offsetof(struct signal_page, threads), &word, 8), 8);
    WANT(agent, word, thread_block()->thread);
    WANT(agent, sys_handle_close(pages[0]), OK);
    WANT(agent, sys_handle_close(pages[1]), OK);
}

void part_errors(struct agent *agent) {
    struct proc_spawn_request spawn = {.argc = 0, .path_bytes = 1};
    struct proc_spawn_reply spawned;
    handle_t files[3] = {agent->log, agent->log, agent->log};
    struct proc_kill_request kill = {.pid = agent->pid, .number = 65};
    struct proc_set_limit_request limit = {.pid = 99999};
    WANT(agent, id_of(agent, 99999, PROC_ID_PGID), ERR_NO_PROCESS);
    WANT(agent, id_of(agent, 0, 9), ERR_INVALID_ARGUMENT);
    WANT(agent, set_group(agent, 99999, 0), ERR_NO_PROCESS);
    WANT(agent, set_group(agent, -1, 0), ERR_INVALID_ARGUMENT);
    WANT(agent, agent_kill(agent, 99999, SIG_USR1), ERR_NO_PROCESS);
    WANT(agent, proc_kill(agent->proc, &kill, INSTANT_NEVER), ERR_INVALID_ARGUMENT);
    kill = (struct proc_kill_request){.pid = agent->pid, .tid = 99999, .number = SIG_USR1};
    WANT(agent, proc_kill(agent->proc, &kill, INSTANT_NEVER), ERR_NO_PROCESS);
    WANT(agent, proc_set_limit(agent->proc, &limit, INSTANT_NEVER), ERR_NO_PROCESS);
    // A log handle that may not be passed on would be refused by the kernel: it has TRANSFER.
    WANT(agent, proc_spawn(agent->proc, &spawn, "x\0", 3, files, &spawned, INSTANT_NEVER),
         ERR_NOT_PERMITTED);
}
