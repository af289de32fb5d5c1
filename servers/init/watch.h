// SPDX-License-Identifier: MIT
//
// Heartbeats: finding services that hang, loop, or are frozen, and ending them.
#pragma once

#include "init.h"

// A new instance begins with a full allowance.
void watch_begin(struct service *service);
// Looks at the heartbeats that are due. Returns when the next one is.
instant_t watch_all(struct init *init);
