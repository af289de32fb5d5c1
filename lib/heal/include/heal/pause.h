// SPDX-License-Identifier: MIT
//
// Pauses between kills. A storm must leave the services time to get on, and what counts is their
// time: when the host lets the machine stand still, its clock runs on, and a storm by the clock
// would strike services that had no turn since the last kill.
#pragma once

#include <abi/types.h>

// Sleeps for about `pause`, in steps of half a millisecond each of which begins after the last one
// has ended: while the machine stands still, one step passes.
void pause_in_steps(duration_t pause);
