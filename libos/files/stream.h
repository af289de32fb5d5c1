// SPDX-License-Identifier: MIT
//
// Streams of the kernel, for all kinds of files that are made of them.
#pragma once

#include <files/table.h>

// ioctl of what is read through this end: FIONREAD, as far as 4,096 bytes. ENOTTY, EFAULT.
[[nodiscard]] int64_t stream_control_of(handle_t stream, uint32_t request, uint64_t argument);
