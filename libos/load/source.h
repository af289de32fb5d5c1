// SPDX-License-Identifier: MIT
//
// The file that a program is loaded from: a vmo that was handed over, or the memory of a file.
#pragma once

#include <abi/types.h>
#include <stdbool.h>

struct linux_thread;

struct program_source {
    handle_t vmo;
    uint64_t bytes;
    bool borrowed; // the vmo stays open
    // For the list of mappings:
    uint64_t device, inode;
    const char *name; // never freed; null: not known
};

// The process's own executable, as its record names it; any file by its path.
[[nodiscard]] int64_t source_open_executable(struct program_source *source);
[[nodiscard]] int64_t source_open_path(struct linux_thread *self, const char *path,
                                       struct program_source *source);
// The memory of an open file (protocol fs).
[[nodiscard]] int64_t source_open_file(handle_t file, struct program_source *source);
void source_close(struct program_source *source);
