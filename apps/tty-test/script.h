// SPDX-License-Identifier: MIT
//
// The script of tty-test (heal/scenario.h): a session on the console, pairs, and what is refused.
#pragma once

#include <heal/scenario.h>

extern const struct act acts[];
extern const uint32_t act_count;
