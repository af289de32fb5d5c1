// SPDX-License-Identifier: MIT
//
// Advisory locks. They live in the file server; here is only what fcntl and flock make of them, and
// that a process's locks of a file end when it closes any descriptor of that file.
#pragma once

#include <files/table.h>

// F_GETLK, F_SETLK, F_SETLKW and the same of descriptions. May wait.
[[nodiscard]] int64_t lock_command(struct linux_thread *self, struct description *file, int command,
                                   uint64_t argument);
// flock. May wait.
[[nodiscard]] int64_t lock_whole(struct linux_thread *self, struct description *file,
                                 uint32_t operation);
// A descriptor of this description is being closed.
void lock_descriptor_closes(struct description *file);
