// SPDX-License-Identifier: MIT
//
// The short way through channel_call and port_reply_wait; see fastpath.c.
#pragma once

#include <base.h>

struct thread;

// Does the thread's channel_call or port_reply_wait if it is of the plain kind, and leaves this
// CPU's current thread changed. Returns false, with nothing changed, when the general path is to be
// taken.
bool fastpath_call(struct thread *self);
bool fastpath_reply_wait(struct thread *self);
