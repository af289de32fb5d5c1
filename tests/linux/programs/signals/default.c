// SPDX-License-Identifier: MIT
// libcs: musl glibc klibc
// run: 1
// status: 129
// run: 2
// status: 130
// run: 3
// status: 131
// run: 6
// status: 134
// run: 9
// status: 137
// run: 10
// status: 138
// run: 13
// status: 141
// run: 14
// status: 142
// run: 15
// status: 143
// run: 17
// run: 18
// run: 23
// run: 24
// status: 152
// run: 28
// run: 29
// status: 157
// run: 31
// status: 159
// run: 34
// status: 162
// run: 64
// status: 192
//
// What a signal does to a process that has asked for nothing: ends it, or nothing at all.

#include "child.h"

int main(int argc, char **argv) {
    say("signal %s\n", argc > 1 ? argv[1] : "");
    report("kill", kill(getpid(), atoi(argv[1])));
    return 0;
}
