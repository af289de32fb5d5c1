// SPDX-License-Identifier: MIT
//
// What the kernel command line tells init.
#pragma once

#include <abi/types.h>

#define COMMAND_BYTES 1024
#define COMMAND_ARGUMENTS_MAX 24

struct command {
    const char *run; // value of init.run=, null when absent
    const char
        *arguments[COMMAND_ARGUMENTS_MAX]; // of init.args= (at commas), then what stands after --
    uint32_t argument_count;
    char text[COMMAND_BYTES];
};

// Reads the command line from its vmo. Errors of vmo_read; NO_SPACE: too many arguments.
[[nodiscard]] status_t command_read(handle_t vmo, struct command *command);
