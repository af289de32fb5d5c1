// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run: 64
//
// Memory after fork over many pages: who writes first, both see their own; grandchildren too.

#include "child.h"

#include <sys/mman.h>

#define PAGE 4096

static uint32_t sum_of(const uint8_t *at, int pages) {
    return digest(at, (size_t)pages * PAGE);
}

int main(int argc, char **argv) {
    int pages = argc > 1 ? atoi(argv[1]) : 8;
    uint8_t *at = mmap(NULL, (size_t)pages * PAGE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < pages; i++) {
        at[i * PAGE] = (uint8_t)i;
    }
    uint32_t before = sum_of(at, pages);
    struct gate parent_wrote, child_wrote;
    gate_make(&parent_wrote);
    gate_make(&child_wrote);
    pid_t pid = fork();
    if (pid == 0) {
        gate_wait(&parent_wrote);
        check("the child does not see what the parent wrote", sum_of(at, pages) == before);
        memset(at, 7, (size_t)pages * PAGE / 2);
        pid_t grandchild = fork();
        if (grandchild == 0) {
            check("the grandchild sees what its parent wrote", at[0] == 7);
            memset(at, 9, (size_t)pages * PAGE);
            _exit(at[PAGE]);
        }
        await("grandchild", grandchild);
        check("the child keeps its own", at[0] == 7);
        gate_open(&child_wrote);
        _exit(0);
    }
    memset(at + PAGE, 5, PAGE);
    gate_open(&parent_wrote);
    gate_wait(&child_wrote);
    check("the parent keeps its own", at[0] == 0 && at[PAGE] == 5 && at[2 * PAGE] == 2);
    await("child", pid);
    mprotect(at, PAGE, PROT_READ);
    pid = fork();
    if (pid == 0) {
        at[0] = 1;
        _exit(0);
    }
    await("a protection is inherited", pid);
    munmap(at, (size_t)pages * PAGE);
    return 0;
}
