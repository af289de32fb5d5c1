// SPDX-License-Identifier: MIT
// libcs: musl musl-pie glibc klibc
// run:
//
// fork: two processes where one was, each with its own memory.

#include "child.h"

#include <sys/mman.h>
#include <sys/syscall.h>

static int variable = 1;

static void try_memory(void) {
    int local = 10;
    int *heap = malloc(sizeof(*heap));
    *heap = 100;
    int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    *shared = 1000;
    pid_t pid = fork();
    if (pid == 0) {
        variable++, local++, ++*heap, ++*shared;
        say("child: %d %d %d %d\n", variable, local, *heap, *shared);
        _exit(3);
    }
    await("child", pid);
    say("parent: %d %d %d %d\n", variable, local, *heap, *shared);
}

static void try_numbers(void) {
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        check("another number", getpid() != parent);
        check("its parent", getppid() == parent);
        check("its thread's number is its own", raw(__NR_gettid) == getpid());
        _exit(0);
    }
    await("child", pid);
    check("a number above 0", pid > 0);
    report("no child is left", wait(NULL));
}

static void try_many(void) {
    pid_t pids[20];
    int sum = 0, status;
    for (int i = 0; i < 20; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            _exit(i);
        }
    }
    for (int i = 19; i >= 0; i--) {
        waitpid(pids[i], &status, 0);
        sum += WEXITSTATUS(status);
    }
    say("twenty children: %d\n", sum);
}

// Each generation forks the next and passes on the count.
static int descend(int depth) {
    if (depth == 0) {
        return 0;
    }
    pid_t pid = fork();
    if (pid == 0) {
        _exit(descend(depth - 1) + 1);
    }
    int status;
    waitpid(pid, &status, 0);
    return WEXITSTATUS(status);
}

int main(void) {
    try_memory();
    try_numbers();
    try_many();
    say("generations: %d\n", descend(8));
    return 0;
}
