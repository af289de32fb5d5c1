// SPDX-License-Identifier: MIT
//
// First processes: those that a native service begins, and waits for.
#pragma once

#include "state.h"

int64_t proc_do_spawn(void *server, const struct packet *packet,
                      const struct proc_spawn_request *request, const handle_t handles_in[3],
                      struct proc_spawn_reply *reply);
// Looks after processes whose spawner is gone: those that were never started are forgotten, and
// zombies when the table is full. Commits in between.
void spawn_sweep(struct procd *procd);
