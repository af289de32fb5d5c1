// SPDX-License-Identifier: MIT
//
// Included before everything else: all symbols of the libos are its own, so that the compiler never
// goes through a table to reach them.
#pragma once
#pragma GCC visibility push(hidden)
