// SPDX-License-Identifier: MIT
//
// Registers of devices that generic code knows of before any driver runs.
#pragma once

#include <base.h>

#define SERIAL_REGISTERS 8

// Finds serial port 0 (the early console) or 1. Returns whether it is there, and then its first
// register, for arch_register_read, and its interrupt line.
bool arch_serial_find(uint32_t index, uint32_t *base, uint32_t *line);
// An 8-bit register, by its number through all devices.
uint8_t arch_register_read(uint32_t reg);
void arch_register_write(uint32_t reg, uint8_t value);
