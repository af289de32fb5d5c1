// SPDX-License-Identifier: MIT
//
// What stands around ttyd: the line of a serial driver, played by the tests, and a procd that tells
// of three processes and notes what signals it was ordered to send. The supervisor is lib/heal's.
#pragma once

#include <abi/info.h>
#include <abi/terminal.h>
#include <heal/supervisor.h>
#include <heal/support.h>
#include <stdbool.h>
#include <test/test.h>

// The one service.
#define TTYD 0

// ---- the line

// Puts bytes into the ring of what was received; waits for room.
void line_type(const void *bytes, size_t count);
// Takes what ttyd has sent, up to `count` bytes. Returns how many there were.
size_t line_take(void *to, size_t count);
// Waits until `count` bytes have been sent, at most some seconds. Returns how many it took.
size_t line_expect(void *to, size_t count);

// ---- processes

// Of one session: 10 leads it, 20 is a group of its own. 30 leads another session.
enum process_number { PROCESS_NONE, PROCESS_LEADER, PROCESS_JOB, PROCESS_OTHER };
#define PID_LEADER 10
#define PID_JOB 20
#define PID_OTHER 30

// The calling thread, begun by user_run, is a thread of this process from now on.
void process_be(enum process_number number);
// Runs a function in a thread that can be a process, and waits for its end.
void user_run(void (*function)(void));
// A process ends, or is there again.
void process_end(enum process_number number);
void process_begin(enum process_number number);

struct noted {
    int32_t target, number;
};
// Signals that were ordered since signals_forget, repeats left out.
uint32_t signals_count(void);
struct noted signals_at(uint32_t index);
void signals_forget(void);
// Waits until there are so many. Returns whether that came.
bool signals_wait(uint32_t count);
