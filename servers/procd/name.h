// SPDX-License-Identifier: MIT
//
// The name of the machine (sethostname).
#pragma once

#include "state.h"

#define HOST_NAME_FIRST "prunella"

int64_t proc_do_host_name(void *server, const struct packet *packet,
                          struct proc_host_name_reply *reply);
int64_t proc_do_set_host_name(void *server, const struct packet *packet,
                              const struct proc_set_host_name_request *request);
