# SPDX-License-Identifier: MIT
"""The user's side of the native calls: inline stubs that read as a manual."""

from .emit import article, call_text, columns, comment, header, wrap_parts
from .emit_abi import CALLS
from .model import Abi, Arg, Call
from .types import ARG_TYPES, POINTERS, RETURN_TYPES, user_parameter

# Where the x86_64 `syscall` instruction takes its arguments: constraint or register variable.
X86_REGISTERS = ("D", "S", "d", "r10", "r8", "r9")


def x86_primitive(count: int) -> str:
    """native_call<count>: one `syscall` with so many arguments."""
    parameters = ["uint32_t number"] + [f"uint64_t a{index}" for index in range(count)]
    lines, operands = [], ['"=a"(result)']
    for index, place in enumerate(X86_REGISTERS[:count]):
        if len(place) == 1:
            operands.append(f'"+{place}"(a{index})')
        else:
            lines.append(f'    register uint64_t {place} __asm__("{place}") = a{index};\n')
            operands.append(f'"+r"({place})')
    outs = wrap_parts(" " * 21 + ": ", operands, "", " " * 23)
    return f"""{call_text(f'static inline int64_t native_call{count}', parameters, ' {')}
    int64_t result;
{''.join(lines)}    __asm__ volatile("syscall"
{outs}
                     : "0"(CALL_NATIVE | number)
                     : "rcx", "r11", "memory");
    return result;
}}
"""


def native_call_header() -> str:
    body = "\n".join(x86_primitive(count) for count in range(7))
    return f"""{header(CALLS)}//
// The `syscall` instruction of x86_64 as functions: number in eax with CALL_NATIVE, arguments in
// rdi, rsi, rdx, r10, r8, r9, result in rax. rcx and r11 are lost. A long call keeps its progress
// in its argument registers, so those come back changed; the others are preserved.
#pragma once

#include <abi/calls.h>
#include <abi/types.h>

{body}"""


def needs(arg: Arg) -> str:
    """What a handle must be and carry, as a half sentence."""
    parts = []
    if arg.object:
        parts.append(article(arg.object))
    if arg.rights:
        parts.append("with " + " and ".join(arg.rights))
    if arg.own:
        parts.append("or HANDLE_NONE for the caller's own")
    if arg.optional:
        parts.append("or HANDLE_NONE" if arg.type == "handle" else "or null")
    return " ".join(parts)


def arg_text(abi: Abi, arg: Arg) -> str:
    """What the manual says of an argument."""
    text = arg.doc
    if needs(arg):
        text += f" ({needs(arg)})"
    if arg.set:
        members = abi.set_named(arg.set)
        text += f" ({members.prefix}_ constants)"
    if arg.length:
        text += f" (`{arg.length}` {'bytes' if arg.of == 'bytes' else 'elements'})"
    return text


def returns_text(call: Call) -> str:
    if call.noreturn:
        return "Does not return."
    if call.returns == "status":
        return f"Returns 0{': ' + call.returns_doc if call.returns_doc else ''}, or a status."
    packed = f" ({RETURN_TYPES['handle_pair']})" if call.returns == "handle_pair" else ""
    return f"Returns {call.returns_doc}{packed}, or a status."


def manual(abi: Abi, call: Call) -> str:
    """The comment above a stub."""
    parts = [comment(call.summary)]
    if call.args:
        parts.append(columns([(arg.name, arg_text(abi, arg)) for arg in call.args], "//   "))
    blocking = " May block." if call.may_block else ""
    errors = " Errors:" if call.errors else ""
    parts.append(comment(returns_text(call) + blocking + errors))
    if call.errors:
        parts[-1] += "\n" + columns([(f"ERR_{name}", text) for name, text in call.errors.items()],
                                    "//   ")
    if call.doc:
        parts.append(comment(call.doc))
    return "\n//\n".join(parts)


def value(arg: Arg) -> str:
    return f"(uint64_t){arg.name}" if arg.type in POINTERS else arg.name


def stub(abi: Abi, call: Call) -> str:
    parameters = [user_parameter(arg) for arg in call.args] or ["void"]
    result = "status_t" if call.returns == "status" else "int64_t"
    opening = f"static inline {result} sys_{call.name}"
    if call.noreturn:
        opening = f"_Noreturn static inline void sys_{call.name}"
    elif not call.may_ignore:
        opening = "[[nodiscard]] " + opening
    values = [call.constant] + [value(arg) for arg in call.args]
    native = f"native_call{len(call.args)}"
    if call.noreturn:
        body = call_text(f"    {native}", values, ";") + "\n    __builtin_trap();"
    else:
        cast = "(status_t)" if result == "status_t" else ""
        body = call_text(f"    return {cast}{native}", values, ";")
    return f"{manual(abi, call)}\n{call_text(opening, parameters, ' {')}\n{body}\n}}\n"


def stubs_header(abi: Abi) -> str:
    groups = []
    for group in abi.groups:
        calls = [call for call in abi.calls if call.group == group.name]
        if calls:
            groups.append(f"{comment(f'{group.name.upper()}: {group.doc}')}\n\n"
                          + "\n".join(stub(abi, call) for call in calls))
    structs = {arg.of.removeprefix("struct ") for call in abi.calls for arg in call.args if arg.of}
    headers = sorted({abi.structs[name] for name in structs if name in abi.structs}
                     | {"abi/flags.h", "abi/objects.h", "abi/rights.h", "abi/status.h"})
    includes = "".join(f"#include <{name}>\n" for name in headers)
    body = "\n".join(groups)
    return f"""{header(CALLS)}//
// Every native call, as one inline `syscall`. Results at or above 0 are success; a negative one is
// a status of <abi/status.h>. Beside the errors that are listed, any call answers
// ERR_INVALID_ARGUMENT to a 32-bit argument whose register holds more. The same text with links:
// docs/reference.
#pragma once

#include <sys/native_call.h>

{includes}
// The two handles of a call that returns a pair.
static inline handle_t handle_pair_first(int64_t pair) {{
    return (handle_t)(uint64_t)pair;
}}

static inline handle_t handle_pair_second(int64_t pair) {{
    return (handle_t)((uint64_t)pair >> 32);
}}

{body}"""


def outputs(abi: Abi) -> dict[str, str]:
    return {
        "lib/sys/include/sys/native_call.h": native_call_header(),
        "lib/sys/include/sys/calls.h": stubs_header(abi),
    }
