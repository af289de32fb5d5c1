// SPDX-License-Identifier: MIT
//
// What ttyd needs of procd: a table of the processes, word of session leaders that have ended, and
// signals to groups.
#pragma once

#include "state.h"

// Within a successor's start: maps the table again and writes it anew.
[[nodiscard]] status_t terminals_start(struct procd *procd);
// Brings the table up to date: server_program.committed. It is there before the caller of what
// changed it has its answer.
void terminals_committed(struct server *server);

// Operations.
int64_t proc_do_background(void *server, const struct packet *packet,
                           const struct proc_background_request *request);
int64_t proc_do_give_terminals(void *server, const struct packet *packet,
                               const handle_t handles_in[1]);
int64_t proc_do_terminals(void *server, const struct packet *packet,
                          struct proc_terminals_reply *reply, handle_t handles_out[2]);
int64_t proc_do_terminal_signal(void *server, const struct packet *packet,
                                const struct proc_terminal_signal_request *request);
