// SPDX-License-Identifier: MIT
//
// What only unit tests on the host have: see lib/test/test/host_main.c.
#pragma once

#include <stdint.h>

// The seed of this run's random tests: from TEST_SEED of the environment, else a new one. It is
// printed on standard error when it is first asked for.
uint64_t test_seed(void);
