// SPDX-License-Identifier: MIT
//
// A supervisor of the program's own for one tmpfsd: it starts it, starts a successor whenever it
// ends, and says when and how an instance is to die. init does this in earnest.
#pragma once

#include <abi/info.h>
#include <abi/types.h>
#include <server/inspect.h>
#include <stdbool.h>

// Starts tmpfsd with an empty vault, and the thread that watches it. `folder`: what of the boot
// archive is its content.
void files_start(const char *folder);
// Ends and discards it: all that it had is freed.
void files_stop(void);
// The root channel.
handle_t files_root(void);

// Kills the instance that runs. Returns whether there was one.
bool files_kill(void);
// Kills it and waits until a successor is being started.
void files_restart(void);
uint32_t files_starts(void);
struct vault_summary files_summary(void);

// The next instance dies at a stage (server/die.h) of the `nth` call that it takes.
void files_die_once(uint32_t nth, const char *stage);
// Each instance from now on dies so; null: no more.
void files_die_each(uint32_t nth, const char *stage);
