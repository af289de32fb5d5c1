// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// RLIMIT_AS bounds what is mapped, by mmap, mremap and brk.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define MIB (1UL << 20)

static void *map(const char *what, void *at, size_t bytes, int flags) {
    errno = 0;
    void *found =
        mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    printf("%s: %s, errno %d\n", what, found == MAP_FAILED ? "no" : "yes", errno);
    return found;
}

int main(void) {
    struct rlimit limit = {64 * MIB, RLIM_INFINITY};
    printf("setrlimit: %d\n", setrlimit(RLIMIT_AS, &limit));
    map("more than the limit", NULL, 128 * MIB, 0);
    char *some = map("a part of it", NULL, 40 * MIB, 0);
    map("as much again", NULL, 40 * MIB, 0);
    map("in place of the part", some, 40 * MIB, MAP_FIXED);
    errno = 0;
    printf("mremap: %d\n", mremap(some, 40 * MIB, 80 * MIB, MREMAP_MAYMOVE) == MAP_FAILED);
    printf("errno: %d\n", errno);
    printf("sbrk: %d\n", sbrk(40 * MIB) == (void *)-1);
    printf("munmap: %d\n", munmap(some, 40 * MIB));
    map("after that", NULL, 40 * MIB, 0);
    limit.rlim_cur = RLIM_INFINITY;
    printf("setrlimit: %d\n", setrlimit(RLIMIT_AS, &limit));
    map("without a limit", NULL, 128 * MIB, 0);
    return 0;
}
