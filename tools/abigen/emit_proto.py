# SPDX-License-Identifier: MIT
"""What client and server of a protocol share: numbers, structs, the table of operations."""

from pathlib import Path

from . import emit_proto_client, emit_proto_server
from .emit import MARK, c_string, comment, defines, header, mask_text
from .emit_abi import constant_set
from .model import Abi, Operation, Protocol, WireStruct
from .types import declare

RUNTIME = Path(__file__).parent / "runtime"


def wire_struct(each: WireStruct) -> str:
    """A struct with its gaps as members, and the assertion that the compiler agrees."""
    lines = []
    for field in each.fields:
        count = "" if field.count is None else f"[{field.count}]"
        if field.doc:
            lines.append(comment(field.doc, "    ") + "\n")
        lines.append(f"    {declare(field.c_type, field.name)}{count};\n")
    doc = comment(each.doc) + "\n" if each.doc else ""
    return (f"{doc}struct {each.name} {{\n{''.join(lines)}}};\n"
            f"static_assert(sizeof(struct {each.name}) == {each.size}, "
            f'"struct {each.name} is ABI");\n')


def operation_constant(protocol: Protocol, operation: Operation) -> str:
    return f"{protocol.name}_OP_{operation.name}".upper()


def operations_enum(protocol: Protocol) -> str:
    rows = "".join(f"{comment(each.doc, '    ')}\n    {operation_constant(protocol, each)} = "
                   f"0x{protocol.id << 16 | each.number:08x},\n" for each in protocol.operations)
    return f"enum {protocol.name}_operation {{\n{rows}}};\n"


def events(protocol: Protocol) -> str:
    rows = [(f"{protocol.name.upper()}_SIGNAL_{each.name}", mask_text(each.mask), each.doc)
            for each in protocol.events]
    return "// Signals on the client's end of the channel.\n\n" + defines(rows) if rows else ""


def protocol_header(protocol: Protocol) -> str:
    upper = protocol.name.upper()
    parts = [defines([(f"{upper}_PROTOCOL", str(protocol.id), "Upper half of each `op`."),
                      (f"{upper}_VERSION", str(protocol.version),
                       "Changes when old clients would be misunderstood.")]),
             operations_enum(protocol), events(protocol)]
    parts += [constant_set(each) for each in protocol.sets]
    parts += [wire_struct(each) for each in protocol.structs]
    for operation in protocol.operations:
        parts += [wire_struct(body) for body in (operation.request, operation.reply) if body]
    parts.append(f"""#define {upper}_OPERATION_COUNT {len(protocol.operations)}

// What the operations are like, in the order of the declaration.
extern const struct operation_info {protocol.name}_operations[{upper}_OPERATION_COUNT];
extern const struct protocol_info {protocol.name}_protocol;
""")
    body = "\n".join(part for part in parts if part)
    return f"""{header(protocol.source)}//
{comment(protocol.doc)}
#pragma once

#include <abi/protocol.h>

{body}"""


def operation_row(protocol: Protocol, each: Operation) -> str:
    fields = [("name", c_string(each.name)), ("op", operation_constant(protocol, each)),
              ("class", f"OPERATION_{each.kind.upper()}"), ("may_block", str(int(each.may_block))),
              ("handles_in", str(len(each.handles_in))),
              ("handles_out", str(len(each.handles_out)))]
    fields += [(f"{key}_bytes", f"sizeof(struct {body.name})")
               for key, body in (("request", each.request), ("reply", each.reply)) if body]
    fields += [(f"{key}_max_bytes", str(window.max))
               for key, window in (("in", each.in_window), ("out", each.out_window)) if window]
    if each.in_window and each.in_window.inline:
        fields.append(("in_inline", "true"))
    lines = "".join(f"        .{key} = {text},\n" for key, text in fields)
    return f"    {{\n{lines}    }},\n"


def protocol_source(protocol: Protocol) -> str:
    name, count = protocol.name, f"{protocol.name.upper()}_OPERATION_COUNT"
    rows = "".join(operation_row(protocol, each) for each in protocol.operations)
    return f"""{header(protocol.source)}
#include <abi/proto/{name}.h>

const struct operation_info {name}_operations[{count}] = {{
{rows}}};

const struct protocol_info {name}_protocol = {{
    .name = {c_string(name)},
    .id = {name.upper()}_PROTOCOL,
    .version = {name.upper()}_VERSION,
    .operation_count = {count},
    .operations = {name}_operations,
}};
"""


def list_header() -> str:
    return f"""{header('abi/proto')}//
// All protocols, for tracers and random callers.
#pragma once

#include <abi/protocol.h>

// Ends with a null pointer.
extern const struct protocol_info *const protocols[];

// The operation that a request's `op` names, or a null pointer.
const struct operation_info *protocol_find(uint32_t op);
"""


def list_source(abi: Abi) -> str:
    includes = "".join(f"#include <abi/proto/{each.name}.h>\n" for each in abi.protocols)
    rows = "".join(f"    &{each.name}_protocol,\n" for each in abi.protocols)
    return f"""{header('abi/proto')}
#include "protocols.h"

{includes}
const struct protocol_info *const protocols[] = {{
{rows}    NULL,
}};

const struct operation_info *protocol_find(uint32_t op) {{
    for (size_t i = 0; protocols[i] != NULL; i++) {{
        for (size_t j = 0; j < protocols[i]->operation_count; j++) {{
            if (protocols[i]->operations[j].op == op) {{
                return &protocols[i]->operations[j];
            }}
        }}
    }}
    return NULL;
}}
"""


def runtime() -> dict[str, str]:
    """The C that all protocols share, copied as it is under a line that says so."""
    found = {}
    for path in sorted(RUNTIME.rglob("*.[ch]")):
        name = path.relative_to(RUNTIME).as_posix()
        licence, _, rest = path.read_text(encoding="utf-8").partition("\n")
        found[name] = f"{licence}\n// {MARK} tools/abigen/runtime/{name}. Do not edit.\n{rest}"
    return found


def outputs(abi: Abi) -> dict[str, str]:
    """Nothing at all while there is no protocol."""
    if not abi.protocols:
        return {}
    found = runtime() | {"lib/proto/protocols.h": list_header(),
                         "lib/proto/protocols.c": list_source(abi)}
    for protocol in abi.protocols:
        found[f"abi/proto/{protocol.name}.h"] = protocol_header(protocol)
        found[f"lib/proto/{protocol.name}.c"] = protocol_source(protocol)
        found |= emit_proto_client.outputs(protocol) | emit_proto_server.outputs(protocol)
    return found
