// SPDX-License-Identifier: MIT
//
// Terminals as the tests use them: short forms of the calls of protocol tty.
#pragma once

#include <abi/proto/tty.h>
#include <abi/types.h>
#include <stddef.h>

#define READ_WRITE (TTY_OPEN_READ | TTY_OPEN_WRITE)

// Opens a device. Returns a status, or OK and the handle.
int64_t terminal_open(uint64_t rdev, uint32_t flags, handle_t *terminal);
void terminal_close(handle_t terminal);
int64_t terminal_read(handle_t terminal, void *to, size_t bytes, uint32_t flags);
// Writes all; below 0: a status.
int64_t terminal_write(handle_t terminal, const void *from, size_t bytes);
// One call: may write less.
int64_t terminal_write_some(handle_t terminal, const void *from, size_t bytes, uint32_t flags);
struct tty_settings terminal_settings(handle_t terminal);
int64_t terminal_set(handle_t terminal, const struct tty_settings *settings, uint32_t when);
// Settings without canonical mode, echo, signals and changes of bytes.
struct tty_settings settings_raw(struct tty_settings settings, uint8_t min, uint8_t time);
int64_t terminal_set_group(handle_t terminal, int32_t group, uint32_t flags);
int64_t terminal_control(handle_t terminal, int32_t *group, int32_t *session);
// Opens a pair: master, slave.
void pair_open(handle_t *master, handle_t *slave);
