// SPDX-License-Identifier: MIT
//
// For the tests of `exec`: what stands in for procd. It is a service (protocol proc): spawn runs
// one of the programs of programs.c in a thread of its own; wait and kill work as procd's do. It is
// never killed itself.
#include "exec_test.h"

#include <sys/start.h>

int64_t native_main(struct thread_block *block) {
    (void)block;
    return stand_in_run();
}
