// SPDX-License-Identifier: MIT
//
// Threads of the simulated machine: one stack each, switched by hand. A coroutine that is abandoned
// is never switched to again; that is how a thread is killed.
//
// Its stack lies in a region like that of a native thread (sys/thread.h): aligned to
// BLOCK_REGION_BYTES, the thread block first, then a page without access. So thread_block() works
// as in the guest.
#pragma once

#include <abi/block.h>
#include <stdbool.h>

struct coroutine;

// Makes one that will run function(argument), which must not return.
struct coroutine *coroutine_create(void (*function)(void *argument), void *argument);
struct thread_block *coroutine_block(struct coroutine *coroutine);
// Runs it until it calls coroutine_leave. Called on the main stack.
void coroutine_enter(struct coroutine *coroutine);
// Goes back to the main stack. `last`: it will not be entered again.
void coroutine_leave(struct coroutine *coroutine, bool last);
// Takes the stack of one that does not run, for use by another.
void coroutine_abandon(struct coroutine *coroutine);
