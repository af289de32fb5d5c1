// SPDX-License-Identifier: MIT
//
// The few Linux calls that the native tools make. They are ordinary static programs of the Linux
// ABI, so that they stand in pipes and scripts as others do; what is native about them goes
// through a device node (abi/service_device.h).
#pragma once

#include <abi/types.h>
#include <stdbool.h>

#define LINUX_O_RDONLY 0
#define LINUX_O_RDWR 2
#define LINUX_O_NONBLOCK 04000
#define LINUX_O_CLOEXEC 02000000

// A Linux call, arguments and result as the kernel of Linux has them: below 0 an error number.
int64_t linux_call(uint64_t number, uint64_t a, uint64_t b, uint64_t c);

int64_t linux_open(const char *path, uint32_t flags);
int64_t linux_read(int64_t fd, void *buffer, size_t bytes);
int64_t linux_ioctl(int64_t fd, uint32_t request, void *argument);
// Makes a descriptor that was opened with O_NONBLOCK wait from now on.
int64_t linux_set_waiting(int64_t fd);
// Writes all of it. Returns whether that succeeded.
bool linux_write_all(int64_t fd, const void *data, size_t bytes);
_Noreturn void linux_exit(int64_t status);
