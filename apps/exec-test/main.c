// SPDX-License-Identifier: MIT
//
// For the tests of `exec`: what stands in for procd, and who kills.
//
//   as a service (protocol proc)   spawn runs one of the programs of programs.c in a thread of its
//                                  own; wait and kill work as procd's do. It is never killed
//                                  itself.
//   exec-test storm SERVICE...     kills these services, one or the other, after random times, for
//                                  as long as the machine runs
#include "exec_test.h"

#include <sys/start.h>
#include <sys/string.h>

int64_t native_main(struct thread_block *block) {
    (void)block;
    if (start_handle("vault") != HANDLE_NONE) {
        return stand_in_run();
    }
    const char *role = start_argument(0);
    return role != NULL && strcmp(role, "storm") == 0 ? storm_run() : 1;
}
