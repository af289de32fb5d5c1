// SPDX-License-Identifier: MIT
//
// A session that is played again and again: whoever kills ttyd meanwhile, it must go the same way.
#pragma once

// Plays the session and checks all that comes out of it. Leaves everything as it was.
void script_play(void);
