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

// ---- fifo.c

// Acts: what opening a named pipe refuses; writers that come and go.
void pipes_refused(uint32_t round);
void pipe_ends(uint32_t round);
// Not one: sides that wait for each other, and one that gives up. How many messages that takes
// differs.
void pipe_meetings(void);
