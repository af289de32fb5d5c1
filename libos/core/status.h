// SPDX-License-Identifier: MIT
//
// Errors: the one place where a status of the system becomes an errno of Linux.
#pragma once

#include <abi/linux/errno.h>
#include <abi/status.h>
#include <stdint.h>

// The negative errno for a negative status; a result of 0 and above comes back as it is.
int64_t linux_result(int64_t result);

// Ends of a call that no program ever sees: exit_work (core/exit.c) makes the call again, or turns
// them into EINTR, by what happens with signals.
#define LINUX_ERESTARTSYS 512    // again when the handler has SA_RESTART
#define LINUX_ERESTARTNOINTR 513 // again always
#define LINUX_ERESTARTNOHAND 514 // again unless a handler runs
#define LINUX_ERESTART_BLOCK 516 // again as restart_syscall unless a handler runs
#define LINUX_RESTART_FIRST 512
#define LINUX_RESTART_LAST 516
