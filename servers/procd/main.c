// SPDX-License-Identifier: MIT
//
// procd: Linux processes. The kernel knows processes, threads and address spaces; procd adds what
// Linux has beside them: ids, parents and children, groups and sessions, zombies, credentials,
// limits, and the ways of signals. Each process holds a duplicate of one channel, and the kernel's
// stamp says who calls.
//
// Like every server here it may be killed at any instruction, and no process notices. Read
// servers/bank first; what is added here:
//
//   1. Effects outside of the vault (a signal in a page, a process of the kernel) are such that
//      doing them twice does no harm: they are known again by the request id, or by the state that
//      the kernel tells.
//   2. What must not be seen before its record is there comes after a checkpoint, and a flag in the
//      record says that it is still due (FLAG_DUE).
//   3. The kernel is the authority on who lives. A start that had to undo a step compares the
//      records with the kernel's processes (process_reconcile).
//
// Invariants: a process that is no zombie has a handle with all rights, whose end is bound to the
// port with its pid; a zombie has no handles; traits are used exactly where processes are.

#include <proto/proc_server.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/start.h>
#include <sys/thread.h>

#include "devices.h"
#include "groups.h"
#include "ids.h"
#include "mount.h"
#include "name.h"
#include "pages.h"
#include "process.h"
#include "show.h"
#include "signal.h"
#include "spawn.h"
#include "start.h"
#include "state.h"
#include "terminals.h"

static const struct proc_ops operations = {
    .spawn = proc_do_spawn,
    .fork = proc_do_fork,
    .fork_failed = proc_do_fork_failed,
    .exec = proc_do_exec,
    .wait = proc_do_wait,
    .kill = proc_do_kill,
    .stopped = proc_do_stopped,
    .get_id = proc_do_get_id,
    .set_group = proc_do_set_group,
    .new_session = proc_do_new_session,
    .set_ids = proc_do_set_ids,
    .set_limit = proc_do_set_limit,
    .groups = proc_do_groups,
    .get_limit = proc_do_get_limit,
    .get_priority = proc_do_get_priority,
    .set_priority = proc_do_set_priority,
    .new_tid = proc_do_new_tid,
    .end_tid = proc_do_end_tid,
    .list = proc_do_list,
    .inspect = proc_do_inspect,
    .threads = proc_do_threads,
    .pages = proc_do_pages,
    .set_groups = proc_do_set_groups,
    .background = proc_do_background,
    .terminals = proc_do_terminals,
    .terminal_signal = proc_do_terminal_signal,
    .mount = proc_do_mount,
    .mounted = proc_do_mounted,
    .host_name = proc_do_host_name,
    .set_host_name = proc_do_set_host_name,
    .device = proc_do_device,
    .give_terminals = proc_do_give_terminals,
};

static int64_t dispatch(struct server *server, const struct packet *packet,
                        struct message *message) {
    return proc_dispatch(&operations, server, packet, message);
}

static void notice(struct server *server, const struct packet *packet) {
    if (packet->kind == PACKET_EXIT && (packet->key & KEY_ENDED) != 0) {
        process_notice((struct procd *)server, packet);
    }
}

static const struct server_program program = {
    .name = "procd",
    .protocol = &proc_protocol,
    .vault = &procd_layout,
    .start = procd_start,
    .dispatch = dispatch,
    .committed = terminals_committed,
    .notice = notice,
};

int64_t native_main(struct thread_block *block) {
    (void)block;
    struct procd procd = {0};
    return server_run(&procd.server, &program);
}
