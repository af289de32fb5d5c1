// SPDX-License-Identifier: MIT
//
// Work for ttyd: streams of numbered lines through the console and through pairs, in both
// directions. Each byte that arrives is checked against the one that must come next.
#pragma once

#include <stdint.h>

void load_start(void);
// Ends the streams and waits until all that was sent has arrived. Returns how many bytes did.
uint64_t load_finish(void);
