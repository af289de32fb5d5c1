# SPDX-License-Identifier: MIT
"""Linux calls and errors in C: numbers for all, the tracer's table, the dispatch of the libos."""

from .emit import c_string, defines, header, wrap_parts
from .linux import CALLS, ERRORS, KINDS, MAX_ARGS, RESULT_KINDS, STATES, Linux, LinuxCall


def calls_header(linux: Linux) -> str:
    width = max(len(call.name) for call in linux.calls)
    rows = "".join(f"#define LINUX_CALL_{call.name.upper().ljust(width)} {call.number}\n"
                   for call in linux.calls)
    return f"""{header(CALLS)}//
// The numbers of Linux calls on x86_64.
#pragma once

{rows}
// One more than the highest number.
#define LINUX_CALL_COUNT {linux.calls[-1].number + 1}
// The arguments of a call: rdi, rsi, rdx, r10, r8, r9.
#define LINUX_CALL_ARGS {MAX_ARGS}
"""


def errors_header(linux: Linux) -> str:
    rows = [(f"LINUX_{each.name}", str(each.number), f"{each.text}.") for each in linux.errors]
    return f"""{header(ERRORS)}//
// The errors of Linux. A call returns the negative of one.
#pragma once

{defines(rows)}
// One more than the highest error, and the lowest result that is an error's negative.
#define LINUX_ERROR_COUNT {linux.errors[-1].number + 1}
#define LINUX_ERROR_RANGE (-4095)
"""


def enum(title: str, tag: str, prefix: str, names: list[str]) -> str:
    members = "".join(f"    {prefix}_{name.upper()},\n" for name in names)
    return f"// {title}\nenum {tag} {{\n{members}}};\n"


def table_header(linux: Linux) -> str:
    kinds = "".join(f"    LINUX_ARG_{name.upper()}, // {text}\n"
                    for name, text in {"none": "no argument, no result", **KINDS}.items())
    states = "".join(f"    LINUX_STATE_{name.upper()}, // {text}\n"
                     for name, text in STATES.items())
    families = enum("What a call belongs to.", "linux_family", "LINUX_FAMILY", list(linux.families))
    return f"""{header(CALLS, ERRORS)}//
// What is known of each Linux call, for the tracer and for counting.
#pragma once

#include <abi/linux/calls.h>
#include <abi/linux/errno.h>
#include <stdint.h>

// What an argument or a result is.
enum linux_arg_kind {{
{kinds}}};

// How much of a call there is.
enum linux_state {{
{states}}};

{families}
struct linux_call_info {{
    const char *name; // null: Linux has no call of this number
    uint8_t family;   // enum linux_family
    uint8_t state;    // enum linux_state; LINUX_STATE_NONE where there is no call
    uint8_t result;   // enum linux_arg_kind: LONG, HEX, OCTAL, or NONE for what does not return
    uint8_t arg_count;
    uint8_t kinds[LINUX_CALL_ARGS]; // enum linux_arg_kind
}};

extern const struct linux_call_info linux_calls[LINUX_CALL_COUNT];
// Names of families, by enum linux_family.
extern const char *const linux_family_names[];
// Names of errors ("ENOENT"), by number; null where there is none.
extern const char *const linux_error_names[LINUX_ERROR_COUNT];
"""


def info(call: LinuxCall) -> str:
    kinds = ", ".join(f"LINUX_ARG_{arg.kind.upper()}" for arg in call.args)
    parts = [c_string(call.name), f"LINUX_FAMILY_{call.family.upper()}",
             f"LINUX_STATE_{call.state.upper()}", f"LINUX_ARG_{call.result.upper()}",
             str(len(call.args)), f"{{{kinds}}}"]
    return wrap_parts(f"    [{call.number}] = {{", parts, "},", "        ") + "\n"


def gaps(linux: Linux) -> list[str]:
    """Numbers below the highest that no call has, as C designators."""
    found, expected = [], 0
    for call in linux.calls:
        if call.number > expected:
            last = call.number - 1
            found.append(f"[{expected}]" if last == expected else f"[{expected} ... {last}]")
        expected = call.number + 1
    return found


def table_source(linux: Linux) -> str:
    no_call = "".join(f"    {gap} = {{.state = LINUX_STATE_NONE}},\n" for gap in gaps(linux))
    families = "".join(f"    [LINUX_FAMILY_{name.upper()}] = {c_string(name)},\n"
                       for name in linux.families)
    errors = "".join(f"    [LINUX_{each.name}] = {c_string(each.name)},\n"
                     for each in linux.errors)
    return f"""{header(CALLS, ERRORS)}
#include <linux/table.h>

const struct linux_call_info linux_calls[LINUX_CALL_COUNT] = {{
{''.join(info(call) for call in linux.calls)}{no_call}}};

const char *const linux_family_names[] = {{
{families}}};

const char *const linux_error_names[LINUX_ERROR_COUNT] = {{
{errors}}};
"""


def handlers_header(linux: Linux) -> str:
    rows = "".join(f"int64_t linux_{call.name}(struct linux_thread *self, "
                   f"const uint64_t args[LINUX_CALL_ARGS]);\n"
                   for call in linux.calls if call.has_handler)
    return f"""{header(CALLS)}//
// The handlers of the libos, one a call whose state is not absent. Each returns the result or the
// negative of an error of <abi/linux/errno.h>.
#pragma once

#include <abi/linux/calls.h>
#include <stdint.h>

struct linux_thread;

typedef int64_t (*linux_handler_t)(struct linux_thread *self,
                                   const uint64_t args[LINUX_CALL_ARGS]);

// By the number of the call. No entry is null.
extern const linux_handler_t linux_dispatch[LINUX_CALL_COUNT];

// The handler of all that is absent, and of numbers without a call: -ENOSYS.
int64_t linux_absent(struct linux_thread *self, const uint64_t args[LINUX_CALL_ARGS]);

{rows}"""


def dispatch_source(linux: Linux) -> str:
    rows = "".join(f"    [{call.number}] = "
                   f"linux_{call.name if call.has_handler else 'absent'},\n"
                   for call in linux.calls)
    rows += "".join(f"    {gap} = linux_absent,\n" for gap in gaps(linux))
    return f"""{header(CALLS)}
#include <linux/handlers.h>

const linux_handler_t linux_dispatch[LINUX_CALL_COUNT] = {{
{rows}}};
"""


def outputs(linux: Linux | None) -> dict[str, str]:
    if linux is None:
        return {}
    assert set(RESULT_KINDS) <= set(KINDS) | {"none"}
    return {
        "abi/linux/calls.h": calls_header(linux),
        "abi/linux/errno.h": errors_header(linux),
        "libos/include/linux/table.h": table_header(linux),
        "libos/include/linux/handlers.h": handlers_header(linux),
        "libos/linux_table.c": table_source(linux),
        "libos/linux_dispatch.c": dispatch_source(linux),
    }
