// SPDX-License-Identifier: MIT
//
// Stands in for the `syscall` instruction: the calls that protocol code makes go to bank.c. It
// makes none with more than three arguments.
#pragma once

#include <abi/calls.h>
#include <abi/types.h>

int64_t fake_call(uint32_t number, uint64_t a0, uint64_t a1, uint64_t a2);
int64_t fake_long_call(uint32_t number, ...);

#define native_call0(number) fake_call(number, 0, 0, 0)
#define native_call1(number, a0) fake_call(number, a0, 0, 0)
#define native_call2(number, a0, a1) fake_call(number, a0, (uint64_t)(a1), 0)
#define native_call3(number, a0, a1, a2) fake_call(number, a0, (uint64_t)(a1), a2)
#define native_call4 fake_long_call
#define native_call5 fake_long_call
#define native_call6 fake_long_call
