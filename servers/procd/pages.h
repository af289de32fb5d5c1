// SPDX-License-Identifier: MIT
//
// The two pages that procd shares with each Linux process.
#pragma once

#include "state.h"

// Makes both vmos and notes them in the record, within a step: the vmos are charged to procd, since
// a page that procd can't touch would be its death. LIMIT, NO_MEMORY.
[[nodiscard]] status_t pages_make(struct procd *procd, const struct process *process);
// Maps both into the address space of a new process. Errors of aspace_map.
[[nodiscard]] status_t pages_map(const struct process *process, handle_t aspace);
// The process has ended: takes procd's own mapping away, and the handles once the step is
// committed.
void pages_drop(struct procd *procd, const struct process *process);

// Writes what the records say of a process into its identity page.
void identity_write(struct procd *procd, const struct process *process);
// The same after its credentials have changed: sets the cookie of its threads too.
void credentials_publish(struct procd *procd, const struct process *process);

// The signal page, null when it can't be mapped (the process is a zombie, or memory is short).
// Everything in it is hostile but for what this call writes.
struct signal_page *signal_page(struct procd *procd, const struct process *process);
