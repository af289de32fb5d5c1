# SPDX-License-Identifier: MIT
"""The kernel's side of the native calls: handlers' prototypes, checks of arguments, the dispatch.

What can be told from the data is done here, once for all calls: a register that must hold a narrow
argument does, numbers lie in their ranges, handles become objects of the right type, looked up with
the right rights, records are copied in and out. So a handler gets what it can use at once. A
function of the kernel that was not written for a call alone can be one too: the data says which
things of the caller it gets first, what objects it makes, for which the caller gets handles, and
what size it works off in steps.
"""

from .emit import WIDTH, call_text, comment, header
from .emit_abi import CALLS, OBJECTS
from .model import Abi, Arg, Call
from .types import ARG_TYPES, declare, kernel_parameter

ANY = "OBJECT_NONE"
OWN = {"table": "struct handle_table *", "job": "struct job *", "thread": "struct thread *"}


# ---- What a handler is given

def struct_of(abi: Abi, arg: Arg) -> str:
    """The kernel's struct behind a handle."""
    known = next((each.struct for each in abi.objects if each.name == arg.object), None)
    return known or "object"


def made_types(abi: Abi, call: Call) -> list[str]:
    """The kernel's structs of the objects that the handler makes."""
    kinds = [next(each.struct for each in abi.objects if each.name == name) or "object"
             for name in call.makes]
    return kinds if len(kinds) < 2 else ["object"] * len(kinds)


def made_names(call: Call) -> tuple[str, ...]:
    return ("made",) if len(call.makes) == 1 else ("first", "second")[:len(call.makes)]


def parameters(abi: Abi, call: Call) -> list[str]:
    found = [f"{OWN[name]}{name}" for name in call.gives]
    for arg in call.args:
        if arg.looked_up:
            found.append(f"struct {struct_of(abi, arg)} *{arg.name}")
        elif arg.record:
            found.append(declare(f"{'const ' if arg.type == 'in' else ''}{arg.of} *", arg.name))
        elif arg.progress:
            found.append(f"uint64_t *{arg.name}")
        else:
            found.append(kernel_parameter(arg))
        if arg.carried:
            found.append(f"uint32_t {arg.name}_rights")
    found += ["uint64_t provider"] if call.makes else []
    found += [f"struct {kind} **{name}"
              for kind, name in zip(made_types(abi, call), made_names(call))]
    return found or ["void"]


def prototype(abi: Abi, call: Call) -> str:
    return call_text(f"int64_t sys_{call.name}", parameters(abi, call), ";")


def declared(abi: Abi) -> list[str]:
    """The structs that prototypes name."""
    found = set()
    for call in (each for each in abi.calls if not each.handler):
        for arg in call.args:
            if arg.looked_up:
                found.add(f"struct {struct_of(abi, arg)}")
            elif arg.record and arg.of.startswith("struct "):
                found.add(arg.of)
    return sorted(found)


def handlers_header(abi: Abi) -> str:
    groups = []
    for group in abi.groups:
        prototypes = "\n".join(prototype(abi, call) for call in abi.calls
                               if call.group == group.name and not call.handler)
        if prototypes:
            groups.append(f"// {group.name}\n{prototypes}\n")
    body = "\n".join(groups)
    structs = "".join(f"{each};\n" for each in declared(abi))
    return f"""{header(CALLS, OBJECTS)}//
// A handler for each native call, but for those that the data gives to a function of the kernel
// that serves others too. The dispatch has looked up handles (an object stays readable until the
// kernel entry ends; nothing holds a reference) and copied records in; it copies records out after
// a result that is not negative. It has checked that narrow arguments are narrow, that flags are
// known, and what ranges the data gives; everything else is the handler's to check. A negative
// result is a status. What a call means: docs/reference.
#pragma once

#include <abi/types.h>

{structs}
{body}
// Runs native call `number` (without CALL_NATIVE) on its argument registers, in their order.
// Returns what the caller finds in rax: the handler's result, or
//   ERR_NO_SUCH_CALL      no call has this number
//   ERR_INVALID_ARGUMENT  a 32-bit argument is wider than 32 bits, or has unknown flags
// and what follows from the types of its arguments.
int64_t syscall_dispatch(uint64_t number, const uint64_t args[6]);
"""


# ---- Checks

def flag_mask(abi: Abi, arg: Arg) -> str:
    members = abi.set_named(arg.set)
    if not arg.only:
        return f"(uint64_t){members.all_name}"
    names = " | ".join(f"{members.prefix}_{name}" for name in arg.only)
    return f"(uint64_t)({names})"


def invalid(abi: Abi, call: Call) -> list[str]:
    """C expressions that are true when the arguments must be refused as invalid."""
    wide, found = [], []
    for index, arg in enumerate(call.args):
        kind = ARG_TYPES[arg.type]
        if arg.type == "flags":
            found.append(f"(args[{index}] & ~{flag_mask(abi, arg)}) != 0")
        elif kind.bits == 32 and kind.signed:
            found.append(f"(uint64_t)(int64_t)(int32_t)args[{index}] != args[{index}]")
        elif kind.bits == 32:
            wide.append(f"args[{index}]")
        if arg.mask:
            found.append(f"(args[{index}] & ~(uint64_t){arg.mask}) != 0")
        if arg.align:
            found.append(f"args[{index}] % {arg.align} != 0")
        if arg.nonzero:
            found.append(f"args[{index}] == 0")
    if wide:
        joined = " | ".join(wide)
        found.insert(0, f"({joined if len(wide) == 1 else f'({joined})'} >> 32) != 0")
    return found


def out_of_range(call: Call) -> list[str]:
    found = []
    for index, arg in enumerate(call.args):
        found += [f"args[{index}] < {arg.min}"] if arg.min else []
        found += [f"args[{index}] > {arg.max}"] if arg.max else []
    return found


def refuse(conditions: list[str], status: str) -> str:
    if not conditions:
        return ""
    text = " || ".join(conditions)
    if len(text) > WIDTH - len("    if () {"):
        text = text.replace(" || ", " ||\n        ")
    return f"    if ({text}) {{\n        return {status};\n    }}\n"


# ---- Handles and records

def local(arg: Arg) -> str:
    return f"{arg.name}_{'found' if arg.looked_up else 'record'}"


def declarations(abi: Abi, call: Call) -> str:
    lines = ""
    for index, arg in enumerate(call.args):
        if arg.looked_up:
            lines += f"    struct handle_entry {local(arg)} = {{0}};\n"
        elif arg.record:
            # What is given out is all zero at first: what a handler leaves out tells nothing.
            lines += f"    {arg.of} {local(arg)}{' = {0}' if arg.type == 'out' else ''};\n"
        elif arg.progress:
            lines += f"    uint64_t {arg.name}_left = args[{index}];\n"
    for kind, name in zip(made_types(abi, call), made_names(call)):
        lines += f"    struct {kind} *{name} = NULL;\n"
    return lines


def lookup(index: int, arg: Arg) -> tuple[str, list[str]]:
    return "self_lookup", [
        f"(handle_t)args[{index}]", f"OBJECT_{arg.object.upper()}" if arg.object else ANY,
        " | ".join(f"RIGHT_{name}" for name in arg.rights) or "0", f"&{local(arg)}"]


def copy(function: str, index: int, arg: Arg) -> tuple[str, list[str]]:
    sides = [f"(vaddr_t)args[{index}]", f"&{local(arg)}"]
    return function, (sides[::-1] if function == "copy_in" else sides) + [f"sizeof({local(arg)})"]


def given_record(index: int, arg: Arg) -> str:
    """The condition under which an optional record was given; empty for others."""
    return f"args[{index}] != 0" if arg.optional else ""


def step(conditions: list[str], function: str, values: list[str]) -> str:
    """A statement that sets `status`, where all conditions hold."""
    conditions = [each for each in conditions if each]
    if not conditions:
        return call_text(f"    status = {function}", values, ";") + "\n"
    return (f"    if ({' && '.join(conditions)}) {{\n"
            + call_text(f"        status = {function}", values, ";") + "\n    }\n")


def fetches(call: Call) -> str:
    """Statements that look handles up and copy records in, each if all before it went well."""
    found = []
    for index, arg in enumerate(call.args):
        if arg.looked_up:
            given = f"args[{index}] != HANDLE_NONE" if arg.optional or arg.own else ""
            found.append((given, *lookup(index, arg)))
    for index, arg in enumerate(call.args):
        if arg.record and arg.type != "out":
            found.append((given_record(index, arg), *copy("copy_in", index, arg)))
    text = "".join(step(["status == OK" if position else "", given], function, values)
                   for position, (given, function, values) in enumerate(found))
    return text + "    if (status != OK) {\n        return status;\n    }\n" if text else ""


def stores(call: Call) -> str:
    """Statements that copy records out after a call that went well."""
    text = "".join(step(["status == OK", "result >= 0", given_record(index, arg)],
                        *copy("copy_out", index, arg))
                   for index, arg in enumerate(call.args) if arg.record and arg.type != "in")
    return text + "    return status == OK ? result : status;\n" if text else ""


def handles_made(abi: Abi, call: Call) -> str:
    """Statements that give the caller handles to what the handler has made."""
    if not call.makes:
        return ""
    values = []
    for name, kind, made in zip(call.makes, made_types(abi, call), made_names(call)):
        values += [made if kind == "object" else f"{name}_object({made})", f"RIGHTS_{name.upper()}"]
    function = "self_insert" if len(call.makes) == 1 else "self_insert_pair"
    return ("    if (result != OK) {\n        return result;\n    }\n"
            + call_text(f"    return {function}", values, ";") + "\n")


def rest(call: Call) -> str:
    """Statements that let the call restart with what a step has left to do."""
    for index, arg in enumerate(call.args):
        if arg.progress:
            left = f"{arg.name}_left"
            return (f"    return result == OK && {left} != 0 ? self_restart_with({index}, {left})"
                    " : result;\n")
    return ""


def argument(abi: Abi, index: int, arg: Arg) -> list[str]:
    c_type = ARG_TYPES[arg.type].kernel
    if arg.record:
        text = f"&{local(arg)}"
        if arg.optional:
            text = f"{given_record(index, arg)} ? {text} : NULL"
    elif arg.looked_up:
        found = f"{local(arg)}.object"
        text = found if struct_of(abi, arg) == "object" else f"{arg.object}_from({found})"
        if arg.own or (arg.optional and text != found):
            none = f"self_{arg.object}()" if arg.own else "NULL"
            text = f"{found} != NULL ? {text} : {none}"
    elif arg.progress:
        text = f"&{arg.name}_left"
    else:
        text = f"args[{index}]" if c_type == "uint64_t" else f"({c_type})args[{index}]"
    return [text] + ([f"handle_entry_rights(&{local(arg)})"] if arg.carried else [])


def checked(abi: Abi, call: Call) -> str:
    """The function that stands between the registers and a handler."""
    values = [f"self_{name}()" if name != "thread" else "thread_self()" for name in call.gives]
    values += [text for index, arg in enumerate(call.args) for text in argument(abi, index, arg)]
    values += ["self_provider()"] if call.makes else []
    values += [f"&{name}" for name in made_names(call)]
    before, copied = fetches(call), stores(call)
    after = copied or handles_made(abi, call) or rest(call)
    handler = call.handler or f"sys_{call.name}"
    opening = f"    {'int64_t result =' if after else 'return'} {handler}"
    run = call_text(opening, values, ";")
    return (f"static inline int64_t checked_{call.name}(const uint64_t args[6]) {{\n"
            + ("" if call.args else "    (void)args;\n")
            + ("    status_t status = OK;\n" if before or copied else "")
            + declarations(abi, call) + refuse(invalid(abi, call), "ERR_INVALID_ARGUMENT")
            + refuse(out_of_range(call), "ERR_OUT_OF_RANGE") + before + f"{run}\n{after}}}\n")


def checks_header(abi: Abi) -> str:
    body = "\n".join(checked(abi, call) for call in abi.calls)
    note = comment("For each native call, what its dispatch does: checks the argument registers, "
                   "looks handles up, copies records, runs the handler. A register that must hold "
                   "a narrow argument is refused when its other bits are set, so that a later, "
                   "wider meaning of them cannot be mistaken by old programs.")
    return f"""{header(CALLS, OBJECTS)}//
{note}
#pragma once

#include "syscall_handlers.h"

#include <abi/flags.h>
#include <abi/info.h>
#include <abi/limits.h>
#include <abi/objects.h>
#include <abi/rights.h>
#include <abi/status.h>
#include <syscall/arguments.h>

{body}"""


def dispatch_source(abi: Abi) -> str:
    entries = "".join(f"    [{call.constant}] = checked_{call.name},\n" for call in abi.calls)
    return f"""{header(CALLS, OBJECTS)}
#include "syscall_checks.h"

#include <abi/calls.h>

static int64_t (*const calls[CALL_LAST + 1])(const uint64_t args[6]) = {{
{entries}}};

int64_t syscall_dispatch(uint64_t number, const uint64_t args[6]) {{
    if (number > CALL_LAST || calls[number] == NULL) {{
        return ERR_NO_SUCH_CALL;
    }}
    return calls[number](args);
}}
"""


def outputs(abi: Abi) -> dict[str, str]:
    return {
        "kernel/syscall_handlers.h": handlers_header(abi),
        "kernel/syscall_checks.h": checks_header(abi),
        "kernel/syscall_dispatch.c": dispatch_source(abi),
    }
