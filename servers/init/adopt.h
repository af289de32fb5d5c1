// SPDX-License-Identifier: MIT
//
// The beginning of an instance of init.
#pragma once

#include "init.h"

// Opens the vault, and makes init's own port and channel if there are none. A vault that can't be
// believed is emptied, loudly, and every other process is killed: then all services start anew.
void init_open(struct init *init);
// Then, with the catalog: takes over what the records name, and closes everything else.
void init_adopt(struct init *init);
