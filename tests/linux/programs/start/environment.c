// SPDX-License-Identifier: MIT
// libcs: musl glibc klibc
// run:
//
// Reading and changing the environment, all within the process.

#include "report.h"

static void show(const char *name) {
    const char *value = getenv(name);
    say("%s=%s\n", name, value ? value : "(unset)");
}

int main(void) {
    show("NO_SUCH_VARIABLE");
    check("PATH is set", getenv("PATH") != NULL);
    setenv("COLOUR", "green", 1);
    show("COLOUR");
    setenv("COLOUR", "red", 0);
    show("COLOUR");
    setenv("COLOUR", "blue", 1);
    show("COLOUR");
    unsetenv("COLOUR");
    show("COLOUR");
    return 0;
}
