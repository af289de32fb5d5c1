// SPDX-License-Identifier: MIT

#include <image/elf.h>

const uint16_t elf_machine = 62; // EM_X86_64
