// SPDX-License-Identifier: MIT
//
// The tracer: each Linux call of a process as a line of the log, with its arguments, its result and
// the name of its error, made from abi/linux/syscalls.tbl.
#pragma once

#include <abi/linux/calls.h>
#include <core/thread.h>

// Before the call: prints it at once when it may not come back.
void trace_begin(struct linux_thread *self, const uint64_t args[LINUX_CALL_ARGS], uint32_t number);
// After it.
void trace_end(struct linux_thread *self, const uint64_t args[LINUX_CALL_ARGS], uint32_t number,
               int64_t result);
// A signal that gets a handler, or ends the process.
void trace_signal(struct linux_thread *self, int32_t number, const char *what);
