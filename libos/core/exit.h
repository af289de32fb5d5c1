// SPDX-License-Identifier: MIT
//
// Called by entry.S.
#pragma once

#include <core/thread.h>

// Before a short return with something latched. Returns when the program goes on behind its call,
// or makes it again: result and redirect_rip say so.
void exit_work(struct linux_thread *self);
// An upcall: an interruption or an exception of the program.
_Noreturn void upcall_handle(struct linux_thread *self);
