// SPDX-License-Identifier: MIT
#include "name.h"

#include <sys/string.h>

#define NAME_MAX 64 // as Linux

static_assert(sizeof(((struct proc_host_name_reply *)0)->name) == HOST_NAME_BYTES, "one size");

int64_t proc_do_host_name(void *server, const struct packet *packet,
                          struct proc_host_name_reply *reply) {
    (void)packet;
    memcpy(reply->name, state_of(server)->host_name, HOST_NAME_BYTES);
    return 0;
}

int64_t proc_do_set_host_name(void *server, const struct packet *packet,
                              const struct proc_set_host_name_request *request) {
    struct procd *procd = server;
    const struct process *caller = process_caller(procd, packet);
    char name[HOST_NAME_BYTES] = {0};
    if (!is_native(packet) && (caller == NULL || traits_of(procd, caller)->ids[ID_EUID] != 0)) {
        return ERR_NOT_PERMITTED;
    }
    memcpy(name, request->name, HOST_NAME_BYTES - 1);
    if (strlen(name) > NAME_MAX) {
        return ERR_INVALID_ARGUMENT;
    }
    memset(name + strlen(name), 0, sizeof(name) - strlen(name));
    vault_set_bytes(&procd->server.vault, state_of(procd)->host_name, name, sizeof(name));
    return 0;
}
