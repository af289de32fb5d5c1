// SPDX-License-Identifier: MIT
//
// procd gives away what its own manifest grants it, by this list and no other way. The caller is
// the kernel's stamp, its credentials are procd's own record, so neither the device node's mode nor
// what the libos claims decides.
#include "devices.h"

#include <abi/service_device.h>
#include <abi/rights.h>
#include <sys/calls.h>
#include <sys/start.h>

#define CHANNEL_RIGHTS (RIGHT_DUPLICATE | RIGHT_TRANSFER | RIGHT_CALL)

// The name of the handle that stands behind a device node, null when there is none.
static const char *name_of(uint64_t rdev) {
    return rdev == DEVICE_SERVICES ? "svc" : NULL;
}

int64_t proc_do_device(void *server, const struct packet *packet,
                       const struct proc_device_request *request, handle_t handles_out[1]) {
    struct procd *procd = server;
    const struct process *caller = process_caller(procd, packet);
    const char *name = name_of(request->rdev);
    if (caller == NULL) {
        return ERR_NO_PROCESS;
    }
    if (traits_of(procd, caller)->ids[ID_EUID] != 0) {
        return ERR_NOT_PERMITTED;
    }
    handle_t own = name != NULL ? start_handle(name) : HANDLE_NONE;
    if (own == HANDLE_NONE) {
        return ERR_NOT_FOUND;
    }
    int64_t copy = sys_handle_duplicate(own, CHANNEL_RIGHTS);
    if (copy < 0) {
        // Somebody may have revoked it.
        return copy == ERR_BAD_HANDLE ? ERR_NOT_FOUND : copy == ERR_NO_MEMORY ? copy : ERR_LIMIT;
    }
    step_made(&procd->server.vault, (handle_t)copy);
    handles_out[0] = (handle_t)copy;
    return 0;
}
