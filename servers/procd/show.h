// SPDX-License-Identifier: MIT
//
// What the server of /proc asks for beside the list.
#pragma once

#include "state.h"

int64_t proc_do_inspect(void *server, const struct packet *packet,
                        const struct proc_inspect_request *request, handle_t handles_out[3]);
int64_t proc_do_threads(void *server, const struct packet *packet,
                        const struct proc_threads_request *request,
                        struct proc_threads_reply *reply);
