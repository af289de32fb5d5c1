// SPDX-License-Identifier: MIT
//
// Runs the generated dispatch on the host: handlers.h notes what each handler was given, cases.h
// lists register contents with the result wanted.

#include <stdio.h>
#include <string.h>
#include <syscall_handlers.h>

#include <abi/status.h>

static uint64_t seen[6];

#include <handlers.h>

struct test_case {
    uint64_t number;
    uint64_t args[6];
    int64_t wanted;
    size_t seen; // how many arguments must have reached the handler
};

static const struct test_case cases[] = {
#include <cases.h>
};

int main(void) {
    size_t count = sizeof(cases) / sizeof(cases[0]);
    for (size_t i = 0; i < count; i++) {
        memset(seen, 0, sizeof(seen));
        int64_t result = syscall_dispatch(cases[i].number, cases[i].args);
        if (result != cases[i].wanted ||
            memcmp(seen, cases[i].args, cases[i].seen * sizeof(seen[0])) != 0) {
            printf("case %zu: call %llx gave %lld\n", i, (unsigned long long)cases[i].number,
                   (long long)result);
            return 1;
        }
        for (size_t j = cases[i].seen; j < 6; j++) {
            if (seen[j] != 0) {
                printf("case %zu: a refused call reached its handler\n", i);
                return 1;
            }
        }
    }
    printf("%zu cases\n", count);
    return 0;
}
