// SPDX-License-Identifier: MIT
#include "ids.h"

#include <abi/rights.h>
#include <sys/calls.h>
#include <sys/string.h>

#include "kernel.h"
#include "pages.h"

// The process that a request names: 0 is the caller. Null when there is none.
static const struct process *process_named(const struct procd *procd, const struct packet *packet,
                                           int32_t pid) {
    return pid == 0 ? process_caller(procd, packet) : process_find(procd, pid);
}

int64_t proc_do_exec(void *server, const struct packet *packet,
                     const struct proc_exec_request *request) {
    struct procd *procd = server;
    const struct process *process = process_caller(procd, packet);
    if (process == NULL) {
        return ERR_NO_PROCESS;
    }
    char comm[sizeof(process->comm)];
    memcpy(comm, request->comm, sizeof(comm));
    comm[sizeof(comm) - 1] = '\0';
    vault_set_bytes(&procd->server.vault, process->comm, comm, sizeof(comm));
    process_flag(procd, process, 0, FLAG_EXECED);
    return 0;
}

int64_t proc_do_get_id(void *server, const struct packet *packet,
                       const struct proc_get_id_request *request, struct proc_get_id_reply *reply) {
    const struct process *process = process_named(server, packet, request->pid);
    if (process == NULL) {
        return ERR_NO_PROCESS;
    }
    switch (request->kind) {
    case PROC_ID_PGID:
        reply->id = process->pgid;
        return 0;
    case PROC_ID_SID:
        reply->id = process->sid;
        return 0;
    case PROC_ID_PPID:
        reply->id = process->parent;
        return 0;
    default:
        return ERR_INVALID_ARGUMENT;
    }
}

// ---- groups and sessions

static bool group_exists(const struct procd *procd, int32_t pgid, int32_t sid) {
    for_each_process(procd, process, slot) {
        if (process->pgid == pgid && (sid == 0 || process->sid == sid)) {
            return true;
        }
    }
    return false;
}

// The rules of setpgid(2).
static status_t group_check(const struct procd *procd, const struct process *caller,
                            const struct process *process, int32_t pgid) {
    if (process != caller) {
        if (process->parent != caller->pid || !process_alive(process)) {
            return ERR_NO_PROCESS;
        }
        if (process->sid != caller->sid) {
            return ERR_NOT_PERMITTED;
        }
        if ((process->flags & FLAG_EXECED) != 0) {
            return ERR_FORBIDDEN;
        }
    }
    if (process->sid == process->pid) {
        return ERR_NOT_PERMITTED;
    }
    return pgid == process->pid || group_exists(procd, pgid, caller->sid) ? OK : ERR_NOT_PERMITTED;
}

int64_t proc_do_set_group(void *server, const struct packet *packet,
                          const struct proc_set_group_request *request) {
    struct procd *procd = server;
    const struct process *caller = process_caller(procd, packet);
    const struct process *process = process_named(procd, packet, request->pid);
    if (request->pid < 0 || request->pgid < 0) {
        return ERR_INVALID_ARGUMENT;
    }
    if (caller == NULL || process == NULL) {
        return ERR_NO_PROCESS;
    }
    int32_t pgid = request->pgid != 0 ? request->pgid : process->pid;
    status_t status = group_check(procd, caller, process, pgid);
    if (status != OK) {
        return status;
    }
    process_set(procd, process, pgid, pgid);
    identity_write(procd, process);
    return 0;
}

int64_t proc_do_new_session(void *server, const struct packet *packet,
                            struct proc_new_session_reply *reply) {
    struct procd *procd = server;
    const struct process *process = process_caller(procd, packet);
    if (process == NULL) {
        return ERR_NO_PROCESS;
    }
    if (group_exists(procd, process->pid, 0)) {
        return ERR_NOT_PERMITTED;
    }
    process_set(procd, process, pgid, process->pid);
    process_set(procd, process, sid, process->pid);
    process_set(procd, process, terminal, 0);
    identity_write(procd, process);
    reply->sid = process->pid;
    return 0;
}

// ---- threads

int64_t proc_do_new_tid(void *server, const struct packet *packet,
                        struct proc_new_tid_reply *reply) {
    struct procd *procd = server;
    struct vault *vault = &procd->server.vault;
    const struct process *process = process_caller(procd, packet);
    if (process == NULL) {
        return ERR_NO_PROCESS;
    }
    int32_t slot = thread_slot_find(procd);
    if (slot < 0) {
        return ERR_LIMIT;
    }
    const struct thread_id *thread = vault_record(vault, TABLE_THREADS, (uint32_t)slot);
    int32_t tid = pid_take(procd);
    vault_set(vault, &thread->head.used, 1);
    vault_set(vault, &thread->tid, tid);
    vault_set(vault, &thread->owner, process->pid);
    thread_note(procd, thread);
    process_set(procd, process, threads, process->threads + 1);
    reply->tid = tid;
    return 0;
}

int64_t proc_do_end_tid(void *server, const struct packet *packet,
                        const struct proc_end_tid_request *request) {
    struct procd *procd = server;
    const struct process *process = process_caller(procd, packet);
    if (process == NULL) {
        return ERR_NO_PROCESS;
    }
    const struct thread_id *thread = thread_id_find(procd, process, request->tid);
    if (thread == NULL) {
        return ERR_NOT_FOUND;
    }
    vault_set(&procd->server.vault, &thread->head.used, 0);
    process_set(procd, process, threads, process->threads - 1);
    return 0;
}

// ---- for others to read

// The state as ps shows it. Whether a thread runs at this moment the kernel tells only to who holds
// it: all but the caller, who does, count as sleeping.
static char state_letter(const struct process *process, const struct process *caller) {
    if (process->state == PROCESS_ZOMBIE) {
        return 'Z';
    }
    return is_stopped(process) ? 'T' : process == caller ? 'R' : 'S';
}

static const struct process *next_by_pid(const struct procd *procd, int32_t after) {
    const struct process *next = NULL;
    for_each_process(procd, process, slot) {
        if (process->pid > after && (next == NULL || process->pid < next->pid)) {
            next = process;
        }
    }
    return next;
}

static const struct process *find_by_id(const struct procd *procd, uint64_t id) {
    const struct process *found = NULL;
    for_each_process(procd, process, slot) {
        found = process_alive(process) && process->id == id ? process : found;
    }
    return found;
}

int64_t proc_do_list(void *server, const struct packet *packet,
                     const struct proc_list_request *request, struct proc_list_reply *reply) {
    struct procd *procd = server;
    const struct process *process = request->process != 0 ? find_by_id(procd, request->process)
                                                          : next_by_pid(procd, request->after);
    if (process == NULL) {
        return ERR_NOT_FOUND;
    }
    const struct traits *traits = traits_of(procd, process);
    struct process_info info = kernel_process(process->process);
    *reply = (struct proc_list_reply){
        .pid = process->pid,
        .ppid = process->parent,
        .pgid = process->pgid,
        .sid = process->sid,
        .state = (uint32_t)state_letter(process, process_caller(procd, packet)),
        .threads = info.threads,
        .process = process->id,
        .memory_pages = info.memory_pages,
        .cpu_ns = process_alive(process) ? info.cpu_time : process->cpu_ns,
        .started_ns = process->started_ns,
        .terminal = process->terminal,
        .status = process->state == PROCESS_ZOMBIE ? process->status : 0,
    };
    memcpy(reply->ids, traits->ids, sizeof(reply->ids));
    memcpy(reply->comm, process->comm, sizeof(reply->comm));
    return 0;
}

static int64_t page_handle(struct procd *procd, handle_t page, uint32_t rights) {
    int64_t handle = sys_handle_duplicate(page, rights | RIGHT_MAP | RIGHT_READ | RIGHT_TRANSFER);
    if (handle >= 0) {
        step_made(&procd->server.vault, (handle_t)handle);
    }
    return handle == ERR_NO_MEMORY || handle >= 0 ? handle : ERR_LIMIT;
}

int64_t proc_do_pages(void *server, const struct packet *packet, handle_t handles_out[2]) {
    struct procd *procd = server;
    const struct process *process = process_caller(procd, packet);
    if (process == NULL) {
        return ERR_NO_PROCESS;
    }
    int64_t signals = page_handle(procd, process->signals, RIGHT_WRITE);
    int64_t identity = signals < 0 ? signals : page_handle(procd, process->identity, 0);
    if (identity < 0) {
        return identity;
    }
    handles_out[0] = (handle_t)signals;
    handles_out[1] = (handle_t)identity;
    return 0;
}
