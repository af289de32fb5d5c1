// SPDX-License-Identifier: MIT
// libcs: musl glibc klibc
// run:
//
// A process whose parent ends gets another parent and goes on; a zombie can be seen but not
// stopped.

#include "child.h"

#include <sys/syscall.h>

int main(void) {
    struct gate child_ready, parent_gone, done;
    gate_make(&child_ready);
    gate_make(&parent_gone);
    gate_make(&done);
    pid_t parent = fork();
    if (parent == 0) {
        pid_t middle = getpid();
        pid_t child = fork();
        if (child == 0) {
            check("the parent at first", getppid() == middle);
            gate_open(&child_ready);
            gate_wait(&parent_gone);
            check("another parent later", getppid() != middle);
            gate_open(&done);
            _exit(0);
        }
        gate_wait(&child_ready);
        _exit(8);
    }
    await("the one between", parent);
    gate_open(&parent_gone);
    gate_wait(&done);
    report("no child of mine is left", wait(NULL));
    pid_t zombie = fork();
    if (zombie == 0) {
        _exit(1);
    }
    enum { BY_PID = 1, ENDED = 4, ONLY_LOOK = 0x1000000 };
    report_raw("it has ended", raw(__NR_waitid, BY_PID, zombie, 0, ENDED | ONLY_LOOK, 0));
    report("a signal to a zombie", kill(zombie, SIGKILL));
    await("its status stays", zombie);
    return 0;
}
