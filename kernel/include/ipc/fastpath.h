// SPDX-License-Identifier: MIT
//
// The short way through channel_call and port_reply_wait; see fastpath.c.
#pragma once

#include <base.h>

struct thread;

// Does the thread's channel_call or port_reply_wait, up to the way out of the kernel: if it is of
// the plain kind it leaves this CPU's current thread changed, else it takes the general path, by
// entry_syscall_general.
void fastpath_call(struct thread *self);
void fastpath_reply_wait(struct thread *self);
