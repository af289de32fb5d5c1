// SPDX-License-Identifier: MIT
//
// Terminals: descriptions of ttyd (protocol tty).
#pragma once

#include <files/table.h>

extern const struct file_ops terminal_ops;

// Whether a device is a terminal.
bool is_terminal(uint64_t rdev);
// Opens a terminal by its device number; flags of open(2). The descriptor, or a negative error.
[[nodiscard]] int64_t terminal_open(uint64_t rdev, uint32_t flags);
// A description of a terminal becomes a descriptor. The handle becomes its own.
[[nodiscard]] int64_t terminal_install(handle_t handle, uint64_t rdev, uint32_t flags);
// At the start: finds out by whom terminals are opened, if the process has one.
void terminal_start(void);

// TTY_IO_ flags for a call that meets the terminal with this signal (SIGTTIN or SIGTTOU).
uint32_t terminal_io_flags(struct linux_thread *self, int32_t number);
// What a call returns for a status of ttyd: asks procd for the signal when the process is in the
// background.
int64_t terminal_result(int64_t status, int32_t number);
// ioctl.
int64_t terminal_control(struct linux_thread *self, struct description *file, uint32_t request,
                         uint64_t argument);
