// SPDX-License-Identifier: MIT
#pragma once

#include <core/thread.h>

// What a fork does beside copying; addresses of the program, 0 for none.
struct fork_options {
    uint64_t stack, tls;
    uint64_t parent_tid; // in the parent: where the child's id goes
    uint64_t child_tid;  // in the child: where its own id goes
    uint64_t clear_tid;
    bool set_tls;
    bool share;          // the program's memory instead of copying it
    bool wait;           // until the child has another program, or has ended
    bool clear_handlers; // caught signals have their default action in the child
};

// Returns twice: the child's id, and 0 in the child. EAGAIN, ENOMEM, ENOSYS without procd.
int64_t process_fork(struct linux_thread *self, const struct fork_options *options);
