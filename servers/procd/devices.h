// SPDX-License-Identifier: MIT
//
// Native services that have a device node (abi/service_device.h): who may have their channels.
#pragma once

#include "state.h"

int64_t proc_do_device(void *server, const struct packet *packet,
                       const struct proc_device_request *request, handle_t handles_out[1]);
