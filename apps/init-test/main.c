// SPDX-License-Identifier: MIT
//
// Tests of init, in the guest. As the program of the command line:
//
//   init-test [PART...]      the tests whose names hold one of the parts, all without
//   init-test corrupt        breaks init's vault, and looks what comes of it
//
// As a service, by its argument: role=fault ends by a fault at once, role=once ends with status 0,
// role=idle waits for ever. As the first process itself (init=bin/init-test) it faults at once.

#include "corrupt.h"
#include "support.h"

#include <heal/program.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/start.h>
#include <sys/string.h>

static _Noreturn void play(const char *role) {
    if (strcmp(role, "fault") == 0) {
        __builtin_trap();
    }
    while (strcmp(role, "idle") == 0) {
        (void)!sys_thread_sleep(INSTANT_NEVER, 0);
    }
    sys_process_exit(0);
}

int64_t native_main(struct thread_block *block) {
    (void)block;
    const char *role = start_option("role");
    if (role != NULL || start_handle("vault") != HANDLE_NONE) {
        play(role != NULL ? role : "fault");
    }
    if (start_argument_count() > 0 && strcmp(start_argument(0), "corrupt") == 0) {
        return corrupt_run(start_argument(1));
    }
    return heal_program(0);
}
