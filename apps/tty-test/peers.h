// SPDX-License-Identifier: MIT
//
// The stand-ins for the serial driver and for procd.
#pragma once

#include <abi/types.h>

void peers_start(void);
// Channels to them, one each: to be given away.
handle_t peers_uart(void);
handle_t peers_proc(void);

// The result, or a panic that says what could not be done.
handle_t must(int64_t result, const char *what);
