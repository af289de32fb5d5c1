// SPDX-License-Identifier: MIT
#pragma once

#include <abi/types.h>
#include <stdbool.h>

#define TEXT_BYTES 4096

// A program that runs as a thread of the stand-in.
struct program {
    uint32_t argc, envc;
    uint32_t text_bytes;
    handle_t streams[3];   // stdin, stdout, stderr
    uint32_t killed;       // atomic: number of the signal that is to end it
    char text[TEXT_BYTES]; // arguments, environment, path, working directory
};

// Runs a program; returns what wait(2) would tell. ERR_NOT_FOUND: there is none of that name.
int64_t program_run(struct program *program);
bool program_exists(const char *path);

int64_t stand_in_run(void);
