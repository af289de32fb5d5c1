// SPDX-License-Identifier: MIT
//
// The table of supplementary groups that file servers read (abi/groups.h). It is made when somebody
// asks for it first.
#pragma once

#include "state.h"

// An adopted vault: maps the table, if there is one. Errors of aspace_map.
[[nodiscard]] status_t groups_start(struct procd *procd);
// Writes what the record says of a process into the table.
void groups_publish(struct procd *procd, const struct process *process);

int64_t proc_do_groups(void *server, const struct packet *packet, handle_t handles_out[1]);
