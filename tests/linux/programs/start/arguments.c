// SPDX-License-Identifier: MIT
// libcs: musl musl-pie glibc glibc-pie klibc
// run: one "two words" "" "a\tb"
// run:
//
// The start of the stack as a program finds it: count, arguments, environment, in this order and
// next to each other, aligned, the argument strings one behind the other.

#include "report.h"

extern char **environ;

int main(int argc, char **argv) {
    say("%d arguments\n", argc);
    for (int i = 1; i < argc; i++) {
        say("%d: [%s]\n", i, argv[i]);
    }
    check("null after the arguments", argv[argc] == NULL);
    check("the environment follows", environ == argv + argc + 1);
    check("argv is aligned to 8", (uintptr_t)argv % 8 == 0);
    check("the count stands before argv, aligned to 16", (uintptr_t)(argv - 1) % 16 == 0);
    check("the count is right", ((long *)argv)[-1] == argc);
    bool packed = true;
    for (int i = 1; i < argc; i++) {
        packed = packed && argv[i] == argv[i - 1] + strlen(argv[i - 1]) + 1;
    }
    check("argument strings are packed", packed);
    if (environ[0]) {
        const char *last = argv[argc - 1];
        check("environment strings follow them", environ[0] == last + strlen(last) + 1);
    }
    argv[0][0] = 'X';
    check("argument strings can be written", argv[0][0] == 'X');
    return 0;
}
