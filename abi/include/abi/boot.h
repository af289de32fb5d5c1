// SPDX-License-Identifier: MIT
//
// What the kernel hands to the first process. init starts with rdi = its thread block and these
// handles at fixed places of its table; everything else it makes from them.
#pragma once

#include <abi/types.h>

// First-generation handles of init, in order.
#define INIT_JOB ((handle_t)1)      // the root job, all rights
#define INIT_PROCESS ((handle_t)2)  // itself
#define INIT_ASPACE ((handle_t)3)   // its own address space
#define INIT_THREAD ((handle_t)4)   // its first thread
#define INIT_LOG ((handle_t)5)      // the kernel log, read and write
#define INIT_SYSTEM ((handle_t)6)   // power, counters, self-check
#define INIT_ARCHIVE ((handle_t)7)  // vmo: the boot archive, read and map
#define INIT_COMMAND ((handle_t)8)  // vmo: the kernel command line, zero-terminated
#define INIT_SERIAL ((handle_t)9)   // device: the first serial port, where the log is printed
#define INIT_VAULT ((handle_t)10)   // vmo of INIT_VAULT_BYTES that survives init
#define INIT_CLOCK ((handle_t)11)   // vmo: struct clock_page of <abi/libos.h>, read and map
#define INIT_SERIAL2 ((handle_t)12) // device: the second serial port
#define INIT_LAST INIT_SERIAL2
// A serial port that the machine does not have is a device without registers.

#define INIT_VAULT_BYTES 65536UL

// Every other process finds what its parent granted through lib/sys (sys/start.h).
