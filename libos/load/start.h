// SPDX-License-Identifier: MIT
#pragma once

#include <abi/block.h>
#include <abi/libos.h>

// Called by entry.S on the first thread of a process.
_Noreturn void start_program(struct thread_block *block, const struct libos_record *record);
