// SPDX-License-Identifier: MIT
#pragma once

#include <abi/types.h>

// Four levels of tables. The upper half of the root is the kernel's and the same in all.
struct arch_space {
    paddr_t root;
};
