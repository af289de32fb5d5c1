// SPDX-License-Identifier: MIT
#pragma once

#include "support.h"

// init's vault vmo, mapped: the program was granted `init-vault`.
uint8_t *init_vault(void);
