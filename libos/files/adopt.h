// SPDX-License-Identifier: MIT
#pragma once

#include <abi/libos.h>

// Takes the descriptors of a record over. What is of an unknown kind is left out: EBADF.
void files_adopt(const struct libos_record *record);
// How many descriptors go through an exec, and what each is. `room` entries are filled at most.
uint32_t files_describe(struct libos_fd *fds, uint32_t room);
// Closes what an exec closes: descriptions that no descriptor keeps.
void files_close_for_exec(void);
