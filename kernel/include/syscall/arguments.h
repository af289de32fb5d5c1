// SPDX-License-Identifier: MIT
//
// What the generated checks of arguments (<kernel/syscall_checks.h>) are made with: look-ups, an
// object's way to its struct (<name>_from), the caller's own one (self_<name>), and the functions
// that abi/kernel/calls.toml names as handlers.
#pragma once

#include <ipc/call.h>
#include <ipc/channel.h>
#include <mm/aspace.h>
#include <mm/user.h>
#include <mm/vmo.h>
#include <object/event.h>
#include <object/stream.h>
#include <object/device.h>
#include <object/timer.h>
#include <sched/current.h>
#include <sched/futex.h>
