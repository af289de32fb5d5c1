// SPDX-License-Identifier: MIT
//
// The script of vfs-test (heal/scenario.h): every operation of vfsd, in many states of the table,
// with all that it refuses.
#pragma once

#include <heal/scenario.h>

extern const struct act acts[];
extern const uint32_t act_count;

// Makes what the acts find: /one, /two, /three and the file /plain. Not 0: that failed.
int acts_prepare(void);
