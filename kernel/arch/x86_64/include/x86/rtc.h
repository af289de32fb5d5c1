// SPDX-License-Identifier: MIT
#pragma once

#include <base.h>

// Unix time by the machine's battery-backed clock, in whole seconds.
int64_t rtc_read(void);
