// SPDX-License-Identifier: MIT
//
// The frame of a test program: which tests it runs, and what it reports of all of them. Whoever
// uses it gets test_write with it.
#pragma once

// Where a server can be told to die (server/die.h), in the order of a call.
#define HEAL_STAGES 5
extern const char *const heal_stages[HEAL_STAGES];

// Runs the tests whose names hold one of the program's arguments; all when there is none. Arguments
// with a `=` are options. Prints `done N ok, M failed`, counting `failed_before` failures that had
// no test. Returns the exit status of the program: 0, or 1 when anything failed.
int heal_program(int failed_before);
