// SPDX-License-Identifier: MIT
//
// What the kernel command line tells init.
//
//   init.run=PATH        a program of the boot archive to run; see run.h
//   init.args=A,B        its arguments, and so is what stands after --
//   init.uses=C,D        channels that it gets
//   init.grants=W,X      what else it gets: words of `grant` lines, and init-vault
//   init.priority=N      of its first thread, 1 to 24; without it that of every program
//   init.services=N,M    services to start; without it those marked `start boot`, or none with
//   init.run= init.test=1          init obeys struct init_points
#pragma once

#include <abi/types.h>
#include <stdbool.h>

#define COMMAND_BYTES 1024
#define COMMAND_ARGUMENTS_MAX 24
#define COMMAND_LIST_MAX 16

struct command_list {
    const char *items[COMMAND_LIST_MAX];
    uint32_t count;
    bool given;
};

struct command {
    const char *run;      // value of init.run=, null when absent
    const char *recovery; // of init.recovery=
    const char *priority; // of init.priority=
    const char
        *arguments[COMMAND_ARGUMENTS_MAX]; // of init.args= (at commas), then what stands after --
    uint32_t argument_count;
    struct command_list uses, grants, services;
    bool test;
    char text[COMMAND_BYTES];
};

// Reads the command line from its vmo. Errors of vmo_read; NO_SPACE: too many arguments.
[[nodiscard]] status_t command_read(handle_t vmo, struct command *command);
