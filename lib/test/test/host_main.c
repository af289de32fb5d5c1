// SPDX-License-Identifier: MIT
//
// The main program of unit tests on the host: `PROGRAM [part of a test's name]`, TEST_SEED=N to
// repeat random tests. A test names it and the framework with
//   // host-sources: lib/test/test.c lib/test/test/host_main.c
#include <test/host.h>
#include <test/test.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

uint64_t test_seed(void) {
    static uint64_t seed;
    if (seed == 0) {
        const char *text = getenv("TEST_SEED");
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        seed =
            text != NULL ? strtoull(text, NULL, 0) : (uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec;
        fprintf(stderr, "TEST_SEED=%lu\n", (unsigned long)seed);
    }
    return seed;
}

void test_write(const char *line, size_t bytes) {
    fwrite(line, 1, bytes, stdout);
    fflush(stdout);
}

int main(int count, char **args) {
    return test_run_all(count > 1 ? args[1] : NULL) == 0 ? 0 : 1;
}
