// SPDX-License-Identifier: MIT
#pragma once

#include <abi/types.h>

// Breaks a part of init's vault (`header`, `record` or `noise`), kills init, and checks what comes
// of it. When all is started anew, so is this program: then its second life makes the check.
// Returns its exit status.
int64_t corrupt_run(const char *part);
