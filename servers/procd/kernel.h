// SPDX-License-Identifier: MIT
//
// Small questions and requests to the kernel about a Linux process.
#pragma once

#include <abi/info.h>
#include <sys/calls.h>

// What the kernel knows; zeros when the handle is none.
static inline struct process_info kernel_process(handle_t process) {
    struct process_info info = {0};
    if (process != HANDLE_NONE && sys_object_get(process, &info, sizeof(info)) != OK) {
        info = (struct process_info){0};
    }
    return info;
}

static inline bool kernel_suspended(handle_t process) {
    return kernel_process(process).suspended != 0;
}

// Whether an embryo was filled and runs, or has run.
static inline bool kernel_started(handle_t process) {
    return sys_object_wait(process, SIGNAL_PROCESS_STARTED, 0, 0) >= 0;
}

// Latches bits in a thread of a process by its id, 0: in any.
static inline status_t kernel_interrupt(handle_t process, uint64_t thread, uint32_t bits) {
    return sys_process_interrupt(process, thread, bits);
}
