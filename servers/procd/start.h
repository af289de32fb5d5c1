// SPDX-License-Identifier: MIT
#pragma once

#include "state.h"

// server_program.start. CORRUPT: the record of the service itself is lost; else errors of making
// the job and the channel of a fresh vault.
[[nodiscard]] status_t procd_start(struct server *server, bool fresh);
