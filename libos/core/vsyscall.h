// SPDX-License-Identifier: MIT
#pragma once

#include <core/thread.h>

// The page at a fixed high address whose three entries old programs call for the time. Nothing is
// mapped there: the fault of the call is answered. False when this fault is something else.
bool vsyscall_emulate(struct linux_thread *self, struct registers *registers);
