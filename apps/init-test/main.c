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

#include <sys/calls.h>
#include <sys/log.h>
#include <sys/start.h>
#include <sys/string.h>

static int failed;
static uint32_t ok_count, failed_count;

static bool begins_with(const char *line, size_t bytes, const char *word) {
    size_t length = strlen(word);
    return bytes >= length && memcmp(line, word, length) == 0;
}

// The sums of each single run are replaced by those of the whole program.
void test_write(const char *line, size_t bytes) {
    if (begins_with(line, bytes, "done ")) {
        return;
    }
    ok_count += begins_with(line, bytes, "ok ");
    failed_count += begins_with(line, bytes, "FAIL ");
    log_text(line, bytes - 1);
}

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
    for (uint32_t i = 0; i < start_argument_count(); i++) {
        failed += test_run_all(start_argument(i));
    }
    if (start_argument_count() == 0) {
        failed += test_run_all(NULL);
    }
    log_printf("done %u ok, %u failed", ok_count, failed_count);
    return failed != 0;
}
