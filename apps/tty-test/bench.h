// SPDX-License-Identifier: MIT
//
// ttyd on a bench: a small supervisor that starts it, kills it and starts successors, and stand-ins
// for its two peers: a serial driver whose line is played by the tests, and a procd that tells of
// three processes and notes what signals it was ordered to send.
#pragma once

#include <abi/info.h>
#include <abi/terminal.h>
#include <heal/support.h>
#include <stdbool.h>
#include <test/test.h>

// Ends the program when something can't be had.
void bench_start(void);
void bench_stop(void);

// ---- ttyd

handle_t ttyd_channel(void);
// Kills the instance that runs. Returns whether there was one.
bool ttyd_kill(void);
// Kills it and waits until a successor is being started.
void ttyd_restart(void);
uint32_t ttyd_starts(void);
// Calls that all instances have taken.
uint64_t ttyd_messages(void);
// The next instance dies at this stage of the nth call that it takes; STAGE as in server/die.h.
void ttyd_die_once(uint32_t nth, const char *stage);
// From now on each instance dies at this stage of the nth call that it takes, or of the first one
// after that which gets there. Null: no more.
void ttyd_die_each(uint32_t nth, const char *stage);

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
