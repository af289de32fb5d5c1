// SPDX-License-Identifier: MIT
//
// What the tests of init share: asking init, finding and killing processes, load on the bank.
#pragma once

#include <abi/info.h>
#include <abi/proto/svc.h>
#include <heal/support.h>
#include <stdbool.h>
#include <sys/thread.h>
#include <test/test.h>

instant_t in(duration_t duration);

// Handles of this program.
handle_t svc_channel(void);
handle_t bank_channel(void);

// All that init knows of a service. Ends the program when there is none.
struct svc_status_reply look(const char *name);
// Waits until a service is in a state, and not in instance `but` (0: any). Returns whether it is.
bool wait_for_state(const char *name, uint32_t state, uint64_t but, duration_t limit);
// A handle to the process of a service, or of init, that runs now; HANDLE_NONE when there is none.
handle_t find_process(const char *name);
// Kills that process and closes the handle. Returns whether it ran.
bool kill_process(handle_t process);

// ---- load: threads that move money and know what each balance must be

#define LOAD_THREADS 3

struct load {
    struct thread thread;
    bool stop;
    uint64_t calls, errors; // of the thread; errors is anything but the right answer
};
void load_start(struct load loads[LOAD_THREADS]);
// Stops them. Returns whether nobody noticed anything; adds up the calls.
bool load_stop(struct load loads[LOAD_THREADS], uint64_t *calls);
