// SPDX-License-Identifier: MIT
//
// Stands in for the `syscall` instruction: native calls of the code under test go to the simulator.
#pragma once

#include <abi/calls.h>
#include <abi/types.h>

int64_t sim_native(uint32_t number, const uint64_t args[6]);

#define SIM_CALL(number, a0, a1, a2, a3, a4, a5)                                                   \
    sim_native(number, (const uint64_t[6]){(uint64_t)(a0), (uint64_t)(a1), (uint64_t)(a2),         \
                                           (uint64_t)(a3), (uint64_t)(a4), (uint64_t)(a5)})
#define native_call0(number) SIM_CALL(number, 0, 0, 0, 0, 0, 0)
#define native_call1(number, a0) SIM_CALL(number, a0, 0, 0, 0, 0, 0)
#define native_call2(number, a0, a1) SIM_CALL(number, a0, a1, 0, 0, 0, 0)
#define native_call3(number, a0, a1, a2) SIM_CALL(number, a0, a1, a2, 0, 0, 0)
#define native_call4(number, a0, a1, a2, a3) SIM_CALL(number, a0, a1, a2, a3, 0, 0)
#define native_call5(number, a0, a1, a2, a3, a4) SIM_CALL(number, a0, a1, a2, a3, a4, 0)
#define native_call6(number, a0, a1, a2, a3, a4, a5) SIM_CALL(number, a0, a1, a2, a3, a4, a5)
