# SPDX-License-Identifier: MIT
"""The headers that kernel and user space share, and the tables of names."""

from .emit import article, c_string, comment, defines, header, mask_text
from .model import Abi, ConstantSet, Named, Object

STATUS = "abi/kernel/status.toml"
OBJECTS = "abi/kernel/objects.toml"
CALLS = "abi/kernel/calls.toml"


def status_header(abi: Abi) -> str:
    rows = "".join(f"{comment(status.doc, '    ')}\n    ERR_{status.name} = -{status.value},\n"
                   for status in abi.statuses)
    return f"""{header(STATUS)}//
// The one vocabulary of errors. Results of native calls and of protocols are OK or above, or one
// of these.
#pragma once

#include <abi/types.h>

enum status {{
{rows}}};

#define STATUS_LAST {max((status.value for status in abi.statuses), default=0)}
"""


def rights_header(abi: Abi) -> str:
    rows = [(f"RIGHT_{right.name}", mask_text(right.mask), right.doc) for right in abi.rights]
    every = [("RIGHTS_ALL", mask_text(sum(right.mask for right in abi.rights)),
              "All rights that exist.")]
    objects = [(f"RIGHTS_{each.name.upper()}", mask_text(abi.right_mask(each.rights)),
                f"The rights that mean something on {article(each.name)}.") for each in abi.objects]
    return f"""{header(OBJECTS)}//
// What the holder of a handle may do with its object.
#pragma once

#include <abi/types.h>

{defines(rows)}
{defines(every)}
{defines(objects)}"""


def signal_rows(each: Object) -> list[tuple[str, str, str]]:
    rows = [(f"SIGNAL_{each.name.upper()}_{signal.name}", mask_text(signal.mask), signal.doc)
            for signal in each.signals]
    if rows:
        rows.append((f"SIGNALS_{each.name.upper()}",
                     mask_text(sum(signal.mask for signal in each.signals)),
                     f"All signals of {article(each.name)}."))
    return rows


def objects_header(abi: Abi) -> str:
    types = "".join(f"{comment(each.doc, '    ')}\n"
                    f"    OBJECT_{each.name.upper()} = {each.number},\n" for each in abi.objects)
    signals = "\n".join(defines(signal_rows(each)) for each in abi.objects if each.signals)
    last = max((each.number for each in abi.objects), default=0)
    return f"""{header(OBJECTS)}//
// The types of kernel objects, and the signals that each type shows.
#pragma once

#include <abi/types.h>

enum object_type {{
    OBJECT_NONE = 0,
{types}}};

#define OBJECT_LAST {last}

{signals}"""


def constant_set(each: ConstantSet) -> str:
    """The definitions of one flag set or enumeration."""
    doc = comment(each.doc) + "\n" if each.doc else ""
    if not each.bits:
        rows = "".join(f"{comment(value.doc, '    ')}\n    {each.prefix}_{value.name} = "
                       f"{value.value},\n" for value in each.values)
        return f"{doc}enum {each.name} {{\n{rows}}};\n"
    rows = [(f"{each.prefix}_{value.name}", mask_text(value.mask), value.doc)
            for value in each.values]
    rows.append((each.all_name, mask_text(each.mask), "All of these."))
    return f"{doc}{defines(rows)}"


def flags_header(abi: Abi) -> str:
    sets = "\n".join(constant_set(each) for each in abi.sets)
    return f"""{header(OBJECTS)}//
// The flags and small numbers that calls take.
#pragma once

#include <abi/types.h>

{sets}"""


def calls_header(abi: Abi) -> str:
    rows = [(call.constant, str(call.number), call.summary) for call in abi.calls]
    return f"""{header(CALLS)}//
// The numbers of the native calls. A native call has eax = CALL_NATIVE | number; every other
// `syscall` is redirected to the libos. Usable from assembly.
#pragma once

#define CALL_NATIVE 0x80000000
#define CALL_LAST   {max((call.number for call in abi.calls), default=0)}

{defines(rows)}"""


def names_header() -> str:
    return f"""{header(STATUS, OBJECTS, CALLS)}//
// Names for people: logs, tracers, failed checks. Nothing here returns a null pointer.
#pragma once

#include <abi/types.h>

// "OK" for 0 and everything above it, "BAD_HANDLE" for ERR_BAD_HANDLE, "?" for what is no status.
const char *status_name(int64_t status);

// "vmo" for OBJECT_VMO, "?" for what is no type.
const char *object_type_name(uint32_t type);

// "handle_close" for CALL_HANDLE_CLOSE, "?" for what is no call. Without CALL_NATIVE.
const char *call_name(uint32_t number);
"""


def name_function(declaration: str, table: str, index: str, rows: list[tuple[int, str]]) -> str:
    lines = "".join(f"    [{number}] = {c_string(name)},\n" for number, name in rows)
    last = max((number for number, _ in rows), default=0)
    return f"""static const char *const {table}[{last + 1}] = {{
{lines}}};

{declaration} {{
    return {index} <= {last} && {table}[{index}] != NULL ? {table}[{index}] : "?";
}}
"""


def names_source(abi: Abi) -> str:
    statuses = "".join(f"    [{status.value}] = {c_string(status.name)},\n"
                       for status in abi.statuses)
    last = max((status.value for status in abi.statuses), default=0)
    return f"""{header(STATUS, OBJECTS, CALLS)}
#include <abi/names.h>

static const char *const status_names[{last + 1}] = {{
{statuses}}};

const char *status_name(int64_t status) {{
    if (status >= 0) {{
        return "OK";
    }}
    return status >= -{last} && status_names[-status] != NULL ? status_names[-status] : "?";
}}

{name_function("const char *object_type_name(uint32_t type)", "object_type_names", "type",
               [(each.number, each.name) for each in abi.objects])}
{name_function("const char *call_name(uint32_t number)", "call_names", "number",
               [(call.number, call.name) for call in abi.calls])}"""


def outputs(abi: Abi) -> dict[str, str]:
    return {
        "abi/status.h": status_header(abi),
        "abi/rights.h": rights_header(abi),
        "abi/objects.h": objects_header(abi),
        "abi/flags.h": flags_header(abi),
        "abi/calls.h": calls_header(abi),
        "abi/names.h": names_header(),
        # The same source twice: the kernel and lib/sys each compile what lies in their folder.
        "kernel/names.c": names_source(abi),
        "lib/sys/names.c": names_source(abi),
    }
