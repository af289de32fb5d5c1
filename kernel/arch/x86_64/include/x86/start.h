// SPDX-License-Identifier: MIT
//
// The first steps of the boot CPU, in their order; called by start.c alone.
#pragma once

#include <abi/types.h>

// Entered from pvh.S with the physical address of the loader's information.
_Noreturn void arch_start(paddr_t start_info);

// Fills boot_info in.
void pvh_read(paddr_t start_info);
