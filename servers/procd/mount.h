// SPDX-License-Identifier: MIT
//
// The channel of vfsd, who is above procd: procd keeps it because each process can reach procd.
#pragma once

#include "state.h"

int64_t proc_do_mount(void *server, const struct packet *packet, const handle_t handles_in[1]);
int64_t proc_do_mounted(void *server, const struct packet *packet, handle_t handles_out[1]);
