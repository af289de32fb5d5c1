// SPDX-License-Identifier: MIT
//
// Groups, sessions, credentials, limits, ids of threads, and what others may read.
#pragma once

#include "state.h"

int64_t proc_do_exec(void *server, const struct packet *packet,
                     const struct proc_exec_request *request);
int64_t proc_do_get_id(void *server, const struct packet *packet,
                       const struct proc_get_id_request *request, struct proc_get_id_reply *reply);
int64_t proc_do_set_group(void *server, const struct packet *packet,
                          const struct proc_set_group_request *request);
int64_t proc_do_new_session(void *server, const struct packet *packet,
                            struct proc_new_session_reply *reply);
int64_t proc_do_new_tid(void *server, const struct packet *packet,
                        struct proc_new_tid_reply *reply);
int64_t proc_do_end_tid(void *server, const struct packet *packet,
                        const struct proc_end_tid_request *request);
int64_t proc_do_list(void *server, const struct packet *packet,
                     const struct proc_list_request *request, struct proc_list_reply *reply);
int64_t proc_do_pages(void *server, const struct packet *packet, handle_t handles_out[2]);

// credentials.c
int64_t proc_do_set_ids(void *server, const struct packet *packet,
                        const struct proc_set_ids_request *request);
int64_t proc_do_set_groups(void *server, const struct packet *packet,
                           const struct proc_set_groups_request *request);
int64_t proc_do_set_limit(void *server, const struct packet *packet,
                          const struct proc_set_limit_request *request);
int64_t proc_do_get_limit(void *server, const struct packet *packet,
                          const struct proc_get_limit_request *request,
                          struct proc_get_limit_reply *reply);
int64_t proc_do_get_priority(void *server, const struct packet *packet,
                             const struct proc_get_priority_request *request,
                             struct proc_get_priority_reply *reply);
int64_t proc_do_set_priority(void *server, const struct packet *packet,
                             const struct proc_set_priority_request *request);
