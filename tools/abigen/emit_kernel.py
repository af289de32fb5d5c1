# SPDX-License-Identifier: MIT
"""The kernel's side of the native calls: prototypes of the handlers, and the dispatch."""

from .emit import WIDTH, call_text, comment, header
from .emit_abi import CALLS
from .model import Abi, Arg, Call
from .types import ARG_TYPES, kernel_parameter


def prototype(call: Call) -> str:
    parameters = [kernel_parameter(arg) for arg in call.args] or ["void"]
    return call_text(f"int64_t sys_{call.name}", parameters, ";")


def handlers_header(abi: Abi) -> str:
    groups = []
    for group in abi.groups:
        prototypes = "\n".join(prototype(call) for call in abi.calls if call.group == group.name)
        if prototypes:
            groups.append(f"// {group.name}\n{prototypes}\n")
    body = "\n".join(groups)
    return f"""{header(CALLS)}//
// One handler for each native call. The dispatch has checked that narrow arguments are narrow and
// that flags are known; everything else is the handler's to check. A negative result is a status.
// What a call means: docs/reference.
#pragma once

#include <abi/types.h>

{body}
// Runs native call `number` (without CALL_NATIVE) on its argument registers, in their order.
// Returns what the caller finds in rax: the handler's result, or
//   ERR_NO_SUCH_CALL      no call has this number
//   ERR_INVALID_ARGUMENT  a 32-bit argument is wider than 32 bits, or has unknown flags
int64_t syscall_dispatch(uint64_t number, const uint64_t args[6]);
"""


def conditions(abi: Abi, call: Call) -> list[str]:
    """C expressions that are true when the arguments must be refused."""
    wide, found = [], []
    for index, arg in enumerate(call.args):
        kind = ARG_TYPES[arg.type]
        if arg.type == "flags":
            found.append(f"(args[{index}] & ~(uint64_t){abi.set_named(arg.set).all_name}) != 0")
        elif kind.bits == 32 and kind.signed:
            found.append(f"(uint64_t)(int64_t)(int32_t)args[{index}] != args[{index}]")
        elif kind.bits == 32:
            wide.append(f"args[{index}]")
    if wide:
        joined = " | ".join(wide)
        found.insert(0, f"({joined if len(wide) == 1 else f'({joined})'} >> 32) != 0")
    return found


def argument(index: int, arg: Arg) -> str:
    c_type = ARG_TYPES[arg.type].kernel
    return f"args[{index}]" if c_type == "uint64_t" else f"({c_type})args[{index}]"


def case(abi: Abi, call: Call) -> str:
    refuse = " || ".join(conditions(abi, call))
    if len(refuse) > WIDTH - len("        if () {"):
        refuse = refuse.replace(" || ", " ||\n            ")
    check = f"        if ({refuse}) {{\n            return ERR_INVALID_ARGUMENT;\n        }}\n"
    values = [argument(index, arg) for index, arg in enumerate(call.args)]
    result = call_text(f"        return sys_{call.name}", values, ";")
    return f"    case {call.constant}:\n{check if refuse else ''}{result}\n"


def dispatch_source(abi: Abi) -> str:
    cases = "".join(case(abi, call) for call in abi.calls)
    note = comment("A register that must hold a narrow argument is refused when its other bits "
                   "are set, so that a later, wider meaning of them cannot be mistaken by old "
                   "programs.")
    return f"""{header(CALLS, 'abi/kernel/objects.toml')}
#include "syscall_handlers.h"

#include <abi/calls.h>
#include <abi/flags.h>
#include <abi/status.h>

{note}
int64_t syscall_dispatch(uint64_t number, const uint64_t args[6]) {{
    switch (number) {{
{cases}    default:
        return ERR_NO_SUCH_CALL;
    }}
}}
"""


def outputs(abi: Abi) -> dict[str, str]:
    return {
        "kernel/syscall_handlers.h": handlers_header(abi),
        "kernel/syscall_dispatch.c": dispatch_source(abi),
    }
