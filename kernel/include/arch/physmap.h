// SPDX-License-Identifier: MIT
//
// Where physical memory stands in the kernel's half. arch_impl/physmap.h defines the inline
// functions
//
//   void *phys_to_virt(paddr_t addr);        kernel address of a byte of RAM
//   paddr_t virt_to_phys(const void *addr);  and back; not for addresses in the kernel image
//
// All RAM is mapped there, writable and never executable, except that the kernel's own text and
// read-only data are read-only there too. Registers of devices are not: see arch_device_map.
#pragma once

#include <arch_impl/physmap.h>
