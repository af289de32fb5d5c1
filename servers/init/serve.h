// SPDX-License-Identifier: MIT
//
// The protocol svc (abi/proto/svc.toml).
#pragma once

#include "init.h"

// Makes the message in the thread's block, a request, its answer.
void svc_serve(struct init *init, const struct packet *packet);
