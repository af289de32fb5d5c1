// SPDX-License-Identifier: MIT
//
// The one file system that is mounted beside the root's. procd keeps its channel because each
// process can reach procd; a mount table is a server's of its own, later.
#pragma once

#include "state.h"

int64_t proc_do_mount(void *server, const struct packet *packet, const handle_t handles_in[1]);
int64_t proc_do_mounted(void *server, const struct packet *packet, handle_t handles_out[1]);
