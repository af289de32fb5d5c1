# SPDX-License-Identifier: MIT
"""The table from which the random caller makes calls."""

from .emit import c_string, header, mask_text, wrap_parts
from .emit_abi import CALLS, OBJECTS
from .model import Abi, Arg, Call
from .types import ARG_TYPES, RETURN_TYPES


def arg_row(abi: Abi, call_args: tuple[Arg, ...], arg: Arg) -> str:
    fields = [f".kind = GRAMMAR_{arg.type.upper()}", f".name = {c_string(arg.name)}"]
    if arg.object:
        fields.append(f".object = OBJECT_{arg.object.upper()}")
    if arg.rights:
        fields.append(f".mask = {mask_text(abi.right_mask(arg.rights))}")
    if arg.set and abi.set_named(arg.set).bits:
        fields.append(f".mask = {abi.set_named(arg.set).all_name}")
    elif arg.set:
        last = max(value.value for value in abi.set_named(arg.set).values)
        fields.append(f".mask = {last}")
    if arg.of and arg.of != "bytes":
        fields.append(f".bytes = sizeof({arg.of})")
    if arg.length:
        index = next(i for i, each in enumerate(call_args) if each.name == arg.length)
        fields.append(f".length_arg = {index + 1}")
    if arg.optional or arg.own:
        fields.append(".optional = 1")
    return wrap_parts("            {", fields, "},", "             ") + "\n"


def call_row(abi: Abi, call: Call) -> str:
    args = "".join(arg_row(abi, call.args, arg) for arg in call.args)
    block = f"        .args = {{\n{args}        }},\n" if args else ""
    marks = "".join(f"        .{mark} = 1,\n" for mark in ("may_block", "noreturn")
                    if getattr(call, mark))
    return f"""    {{
        .name = {c_string(call.name)},
        .number = {call.constant},
        .argc = {len(call.args)},
        .returns = GRAMMAR_RETURNS_{call.returns.upper()},
{marks}{block}    }},
"""


def grammar_header(abi: Abi) -> str:
    kinds = "".join(f"    GRAMMAR_{kind.upper()},\n" for kind in ARG_TYPES)
    returns = "".join(f"    GRAMMAR_RETURNS_{kind.upper()},\n" for kind in RETURN_TYPES)
    headers = "".join(f"#include <{name}>\n" for name in sorted(
        set(abi.structs.values())
        | {"abi/calls.h", "abi/flags.h", "abi/objects.h", "abi/rights.h", "abi/types.h"}))
    rows = "".join(call_row(abi, call) for call in abi.calls)
    return f"""{header(CALLS, OBJECTS)}//
// What the native calls look like, for a program that makes them at random. Include it in one file.
#pragma once

{headers}
enum grammar_kind {{
    GRAMMAR_NONE = 0,
{kinds}}};

enum grammar_returns {{
{returns}}};

struct grammar_arg {{
    uint8_t kind;       // enum grammar_kind
    uint8_t object;     // HANDLE: OBJECT_ type, 0 for any
    uint8_t length_arg; // IN, OUT, INOUT: 1 + index of the argument with its length, 0 when fixed
    uint8_t optional;   // 1: HANDLE_NONE or a null pointer is a proper value
    uint32_t mask;      // HANDLE: rights it needs; FLAGS: known bits; TOPIC: highest number
    uint32_t bytes;     // IN, OUT, INOUT: size of one element, 0 for plain bytes
    const char *name;
}};

struct grammar_call {{
    const char *name;
    uint32_t number; // CALL_ constant
    uint8_t argc;
    uint8_t returns; // enum grammar_returns
    uint8_t may_block;
    uint8_t noreturn;
    struct grammar_arg args[6];
}};

#define GRAMMAR_CALLS {len(abi.calls)}

static const struct grammar_call grammar_calls[GRAMMAR_CALLS] = {{
{rows}}};
"""


def outputs(abi: Abi) -> dict[str, str]:
    return {"abi/grammar.h": grammar_header(abi)}
