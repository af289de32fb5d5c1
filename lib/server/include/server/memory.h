// SPDX-License-Identifier: MIT
//
// Memory of an instance: what it can make anew from the vault.
#pragma once

#include <stddef.h>

// A mapping of zeroed memory, null when there is none. Pages that are never touched cost nothing.
void *server_memory(size_t bytes);
void server_memory_free(void *memory, size_t bytes);
