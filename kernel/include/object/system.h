// SPDX-License-Identifier: MIT
//
// The system object: power and counters.
#pragma once

#include <abi/info.h>
#include <object/object.h>

struct job;

// Creates a system object for init. The caller gets its reference. LIMIT, NO_MEMORY.
[[nodiscard]] status_t system_object_create(struct job *job, struct object **out);
// Fills in the counters of the whole kernel. They are read one by one, while others go on.
void system_describe(struct system_info *info);
