// SPDX-License-Identifier: MIT
//
// The log object: the capability to the kernel's one log (debug/log.h).
#pragma once

#include <object/object.h>

struct job;

// Creates a log object for init. The caller gets its reference. LIMIT, NO_MEMORY.
[[nodiscard]] status_t log_object_create(struct job *job, struct object **out);
// Posts READABLE to those bound to the object, after a line was added. No lock held.
void log_object_notify(struct object *log);
