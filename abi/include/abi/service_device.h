// SPDX-License-Identifier: MIT
//
// Device nodes behind which a native service stands. Opening one gets a channel from procd, if the
// caller may have it; calls go through it by one request of ioctl(2), so that an ordinary program
// of the Linux ABI can use a native protocol (abi/proto/) with the generated client stubs.
//
// What a program may do so is what its channel's server allows whoever holds it: no more than if it
// had been given the channel at its start. Handles do not travel in such calls.
#pragma once

#include <abi/terminal.h>
#include <abi/types.h>

#define DEVICE_SERVICES DEVICE_NUMBER(60, 1)   // /dev/svc: protocol svc
#define DEVICE_KERNEL_LOG DEVICE_NUMBER(1, 11) // /dev/kmsg: no channel, but the log with READ

// Requests of ioctl(2). Both return 0 when the question reached its server.
#define DEVICE_CALL 0x70720001u    // struct device_call
#define DEVICE_PROCESS 0x70720002u // uint64_t: a Linux pid in, the kernel's id of it out

struct device_call {
    uint32_t op; // as in a message; the protocol's declaration says what follows
    uint16_t request_bytes;
    uint16_t reply_bytes;
    uint32_t may_block; // 1: signals may end it
    uint32_t spare;
    uint64_t request, reply; // addresses, as those of the windows
    uint64_t in, in_bytes;
    uint64_t out, out_bytes;
    int64_t result; // the server's, or a status below 0
};
static_assert(sizeof(struct device_call) == 72, "struct device_call is ABI");
