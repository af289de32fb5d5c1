// SPDX-License-Identifier: MIT
//
// A client of tmpfsd that does one random operation after another in a directory of its own, says
// before each what must come of it (model.h), and compares. It is used in the guest (apps/fs-test)
// and in the simulator (tests/sim/files.c), where tmpfsd is killed meanwhile.
#pragma once

#include <abi/message.h>

#include <fstest/model.h>

#define SCRIPT_HELD 6
#define SCRIPT_WINDOW 8192

struct script_held {
    bool used;
    bool kept; // not used, but for its channel, which the next file is opened by
    handle_t handle;
    uint32_t node;
    uint32_t flags;
    uint64_t secret;
    uint32_t offset;
    handle_t view[2];  // attribute page and contents, HANDLE_NONE: not asked for
    handle_t lease[2]; // contents and the page `written`, likewise
    handle_t deferral; // the page by which it may be closed, likewise
};

struct script {
    handle_t base; // the directory in which all happens, its own root
    uint64_t base_secret;
    uint64_t random;
    uint32_t steps, calls;
    struct script_held held[SCRIPT_HELD];
    // The first thing that was wrong; null: all is well.
    const char *failure;
    int64_t got, wanted;
    char path[2][MODEL_TARGET_BYTES];
    char window[SCRIPT_WINDOW]; // of calls
    uint8_t bytes[MODEL_FILE_BYTES + 64];
    struct model model;
};

// Makes the directory `home` in the one of `root`, and opens it.
void script_begin(struct script *script, handle_t root, const char *home, uint64_t seed);
// Does one operation. Returns false when anything was wrong so far.
bool script_step(struct script *script);
// Compares the whole tree. Returns false when anything was wrong so far.
bool script_compare(struct script *script);
// Closes and removes everything.
void script_end(struct script *script, handle_t root, const char *home);
