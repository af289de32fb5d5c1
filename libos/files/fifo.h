// SPDX-License-Identifier: MIT
//
// Named pipes. The description of a file server stays with the descriptor, as of any file; beside
// it there is what vfsd gave for the pipe (protocol vfs, `fifo_open`).
#pragma once

#include <files/table.h>

struct path_open;

// Opens the pipe whose node was opened; flags of open(2). Takes the node's handle also when it
// fails. Waits for the other side unless O_NONBLOCK says not to. The descriptor, or a negative
// error: ENXIO (nobody reads, or there is no vfsd), ERESTARTSYS, ENFILE, ENOMEM, EMFILE.
[[nodiscard]] int64_t fifo_open(const struct path_open *node, uint32_t flags);

static inline bool is_fifo(const struct description *file) {
    return file->ops == &fifo_ops;
}

// What an exec has to be told of a description, beside what is told of any: `offset`, `device` and
// marks of its record.
void fifo_describe(struct description *file, struct libos_fd *fd);
// Takes that up again. False: there was no memory, and the handles are closed.
[[nodiscard]] bool fifo_adopt(struct description *file, const struct libos_fd *fd);
