// SPDX-License-Identifier: MIT
#include "mount.h"

#include <abi/rights.h>
#include <sys/calls.h>

#define CHANNEL_RIGHTS (RIGHT_DUPLICATE | RIGHT_TRANSFER | RIGHT_CALL)

int64_t proc_do_mount(void *server, const struct packet *packet, const handle_t handles_in[1]) {
    struct procd *procd = server;
    struct vault *vault = &procd->server.vault;
    const struct state *state = state_of(procd);
    if (process_caller(procd, packet) != NULL) {
        (void)!sys_handle_close(handles_in[0]);
        return ERR_NOT_PERMITTED;
    }
    if (state->mounted != HANDLE_NONE) {
        step_close(vault, state->mounted);
    }
    vault_set(vault, &state->mounted, handles_in[0]);
    return 0;
}

int64_t proc_do_mounted(void *server, const struct packet *packet, handle_t handles_out[1]) {
    struct procd *procd = server;
    (void)packet;
    handle_t mounted = state_of(procd)->mounted;
    if (mounted == HANDLE_NONE) {
        return ERR_NOT_FOUND;
    }
    int64_t copy = sys_handle_duplicate(mounted, CHANNEL_RIGHTS);
    if (copy < 0) {
        return copy == ERR_NO_MEMORY ? copy : ERR_LIMIT;
    }
    step_made(&procd->server.vault, (handle_t)copy);
    handles_out[0] = (handle_t)copy;
    return 0;
}
