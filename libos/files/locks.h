// SPDX-License-Identifier: MIT
#pragma once

#include <files/table.h>

// F_GETLK, F_SETLK, F_SETLKW. There are no other lockers to ask yet (docs/limits.md): a lock is
// always granted.
[[nodiscard]] int64_t lock_command(struct linux_thread *self, struct description *file, int command,
                                   uint64_t argument);
