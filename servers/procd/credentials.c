// SPDX-License-Identifier: MIT
//
// Credentials and resource limits, by the rules of setresuid(2), setgroups(2) and prlimit(2). Who
// is root in its effective user id may do everything; there are no finer capabilities yet.
//
// File servers know a process by the cookie of its threads, which the kernel keeps. It is set
// within the step that changes the record, before the commit, as the identity page is written: a
// call that the process begins after the answer has the new one. A procd that is killed in between
// leaves a cookie that is ahead of the record. The successor, which finds an undone step, sets it
// back by the record (process_reconcile), before it takes any call; then the retry changes both.

#include <sys/calls.h>
#include <sys/string.h>

#include "groups.h"
#include "ids.h"
#include "pages.h"

#define USER_IDS 4 // uid, euid, suid, fsuid: the first of enum id_index, as in the request

static bool is_root(const struct traits *traits) {
    return traits->ids[ID_EUID] == 0;
}

void credentials_publish(struct procd *procd, const struct process *process) {
    // It may have ended just now: then nobody has the cookie.
    (void)!sys_process_set_cookie(state_of(procd)->job, process->process,
                                  traits_cookie(traits_of(procd, process)));
    server_point();
    groups_publish(procd, process);
    identity_write(procd, process);
}

// Whether the process may take an id of this kind: one that it has already, in any of its places.
static bool may_take(const struct traits *traits, uint32_t index, uint32_t id) {
    const uint32_t *own = &traits->ids[index < USER_IDS ? ID_UID : ID_GID];
    for (uint32_t i = 0; i < USER_IDS; i++) {
        // The file system's own id is no source for the others.
        if (own[i] == id && (i != ID_FSUID || index % USER_IDS == ID_FSUID)) {
            return true;
        }
    }
    return is_root(traits);
}

int64_t proc_do_set_ids(void *server, const struct packet *packet,
                        const struct proc_set_ids_request *request) {
    struct procd *procd = server;
    const struct process *process = process_caller(procd, packet);
    if (process == NULL) {
        return ERR_NO_PROCESS;
    }
    const struct traits *traits = traits_of(procd, process);
    uint32_t next[IDS];
    memcpy(next, traits->ids, sizeof(next));
    for (uint32_t i = 0; i < IDS; i++) {
        if ((request->what & 1u << i) == 0) {
            continue;
        }
        if (!may_take(traits, i, request->ids[i])) {
            return ERR_NOT_PERMITTED;
        }
        next[i] = request->ids[i];
    }
    // The file system's id follows the effective one unless it is set by itself.
    for (uint32_t first = ID_UID; first < IDS; first += USER_IDS) {
        uint32_t effective = first + ID_EUID, files = first + ID_FSUID;
        if ((request->what & 1u << effective) != 0 && (request->what & 1u << files) == 0) {
            next[files] = next[effective];
        }
    }
    vault_set_bytes(&procd->server.vault, traits->ids, next, sizeof(next));
    credentials_publish(procd, process);
    return 0;
}

int64_t proc_do_set_groups(void *server, const struct packet *packet,
                           const struct proc_set_groups_request *request) {
    struct procd *procd = server;
    const struct process *process = process_caller(procd, packet);
    if (process == NULL) {
        return ERR_NO_PROCESS;
    }
    const struct traits *traits = traits_of(procd, process);
    if (request->count > GROUPS_MAX) {
        return ERR_INVALID_ARGUMENT;
    }
    if (!is_root(traits)) {
        return ERR_NOT_PERMITTED;
    }
    uint32_t groups[GROUPS_MAX] = {0};
    memcpy(groups, request->groups, request->count * sizeof(groups[0]));
    vault_set(&procd->server.vault, &traits->group_count, request->count);
    vault_set_bytes(&procd->server.vault, traits->groups, groups, sizeof(groups));
    credentials_publish(procd, process);
    return 0;
}

// Whether the caller may change limits of the process: its own, those of one with the very same
// ids, or root's any.
static bool may_limit(const struct procd *procd, const struct process *caller,
                      const struct process *process) {
    const uint32_t *from = traits_of(procd, caller)->ids;
    const uint32_t *to = traits_of(procd, process)->ids;
    bool same = true;
    for (uint32_t i = ID_UID; i <= ID_SUID; i++) {
        same &= to[i] == from[ID_UID] && to[i + USER_IDS] == from[ID_GID];
    }
    return caller == process || from[ID_EUID] == 0 || same;
}

int64_t proc_do_set_limit(void *server, const struct packet *packet,
                          const struct proc_set_limit_request *request) {
    struct procd *procd = server;
    const struct process *caller = process_caller(procd, packet);
    const struct process *process = request->pid == 0 ? caller : process_find(procd, request->pid);
    if (caller == NULL || process == NULL || !process_alive(process)) {
        return ERR_NO_PROCESS;
    }
    if (request->resource >= LIMITS_MAX || request->soft > request->hard) {
        return ERR_INVALID_ARGUMENT;
    }
    const struct traits *traits = traits_of(procd, process);
    uint64_t limit[2] = {request->soft, request->hard};
    bool raised = request->hard > traits->limits[request->resource][1];
    if (!may_limit(procd, caller, process) || (raised && !is_root(traits_of(procd, caller)))) {
        return ERR_NOT_PERMITTED;
    }
    vault_set_bytes(&procd->server.vault, traits->limits[request->resource], limit, sizeof(limit));
    identity_write(procd, process);
    return 0;
}

int64_t proc_do_get_limit(void *server, const struct packet *packet,
                          const struct proc_get_limit_request *request,
                          struct proc_get_limit_reply *reply) {
    const struct procd *procd = server;
    const struct process *caller = process_caller(procd, packet);
    const struct process *process = process_find(procd, request->pid);
    if (caller == NULL || process == NULL || !process_alive(process)) {
        return ERR_NO_PROCESS;
    }
    if (request->resource >= LIMITS_MAX) {
        return ERR_INVALID_ARGUMENT;
    }
    if (!may_limit(procd, caller, process)) {
        return ERR_NOT_PERMITTED;
    }
    const uint64_t *limit = traits_of(procd, process)->limits[request->resource];
    *reply = (struct proc_get_limit_reply){.soft = limit[0], .hard = limit[1]};
    return 0;
}
