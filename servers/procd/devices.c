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

static const struct gift {
    uint64_t rdev;
    const char *name; // of the handle that stands behind it
    uint32_t rights;
} gifts[] = {
    {DEVICE_SERVICES, "svc", RIGHT_DUPLICATE | RIGHT_TRANSFER | RIGHT_CALL},
    {DEVICE_KERNEL_LOG, "log", RIGHT_DUPLICATE | RIGHT_TRANSFER | RIGHT_READ},
};

static const struct gift *gift_of(uint64_t rdev) {
    for (size_t i = 0; i < sizeof(gifts) / sizeof(gifts[0]); i++) {
        if (gifts[i].rdev == rdev) {
            return &gifts[i];
        }
    }
    return NULL;
}

int64_t proc_do_device(void *server, const struct packet *packet,
                       const struct proc_device_request *request, handle_t handles_out[1]) {
    struct procd *procd = server;
    const struct process *caller = process_caller(procd, packet);
    const struct gift *gift = gift_of(request->rdev);
    if (caller == NULL) {
        return ERR_NO_PROCESS;
    }
    if (traits_of(procd, caller)->ids[ID_EUID] != 0) {
        return ERR_NOT_PERMITTED;
    }
    handle_t own = gift != NULL ? start_handle(gift->name) : HANDLE_NONE;
    if (own == HANDLE_NONE) {
        return ERR_NOT_FOUND;
    }
    int64_t copy = sys_handle_duplicate(own, gift->rights);
    if (copy < 0) {
        // Somebody may have revoked it.
        return copy == ERR_BAD_HANDLE ? ERR_NOT_FOUND : copy == ERR_NO_MEMORY ? copy : ERR_LIMIT;
    }
    step_made(&procd->server.vault, (handle_t)copy);
    handles_out[0] = (handle_t)copy;
    return 0;
}
