// SPDX-License-Identifier: MIT
//
// What a native tool is: a program with arguments, an output, and one of three exit statuses.
#pragma once

#include <tool/print.h>

enum tool_status {
    TOOL_OK = 0,
    TOOL_FAILED = 1, // it was understood, but could not be done
    TOOL_USAGE = 2,  // it was not understood
};

// The program's own entry. Returns an enum tool_status.
int tool_main(void);

// Arguments, not counting the program's name; null when `index` is too large.
uint32_t tool_argument_count(void);
const char *tool_argument(uint32_t index);
// Whether the first argument asks for help.
bool tool_wants_help(void);
// Prints a help text. Returns TOOL_OK.
int tool_help(const char *text);

// Opens a device node. For calls to a service (LINUX_O_RDWR) the generated stubs take it for their
// channel. Says why on standard error when it can't; HANDLE_NONE then.
handle_t tool_open(const char *program, const char *path, uint32_t flags);
