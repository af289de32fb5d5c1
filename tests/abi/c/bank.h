// SPDX-License-Identifier: MIT
//
// What the client half and the server half of the bank test share.
#pragma once

#include <proto/bank_server.h>

#define ABSENT_PAGES 3

struct bank {
    int transfers;
    int touches;    // pages of the deposit's window that are still absent
    uint64_t later; // token of the call that was kept
    handle_t got[2];
};

extern const struct bank_ops bank_handlers;
