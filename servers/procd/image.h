// SPDX-License-Identifier: MIT
//
// What a first process begins with: its address space and its handles. The simulator has an
// image_build of its own.
#pragma once

#include "state.h"

// What spawn was asked for, checked.
struct image_request {
    uint32_t argc, envc;
    bool trace;
    uint64_t terminal; // rdev of the terminal that the files are, 0: they are none
    const char *text;  // zero-terminated strings: arguments, environment, path, working directory
    uint64_t text_bytes;
    handle_t files[3]; // stay the caller's
};

// Puts the libos into a vmo and notes it in the state, within a step. OK also when there is none:
// then image_build finds nothing.
[[nodiscard]] status_t image_load(struct procd *procd);

// Fills the address space and the handle table of a process that has its two pages already, and
// creates its first thread, not started, with all rights.
//   NOT_FOUND   there is no libos, or no file system
//   CORRUPT     the libos is none
//   else        errors of the native calls that it makes
[[nodiscard]] status_t image_build(struct procd *procd, const struct process *process,
                                   handle_t aspace, const struct image_request *request,
                                   handle_t *thread, uint64_t begin[3]);
