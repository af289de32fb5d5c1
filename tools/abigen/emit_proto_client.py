# SPDX-License-Identifier: MIT
"""Client stubs: one function for each operation of a protocol."""

from .emit import call_text, columns, comment, header
from .model import Operation, Protocol


def parameters(operation: Operation) -> list[str]:
    found = ["handle_t channel"]
    if operation.request:
        found.append(f"const struct {operation.request.name} *request")
    if operation.in_window:
        found += ["const void *in", "size_t in_bytes"]
    if operation.handles_in:
        found.append(f"const handle_t handles_in[{len(operation.handles_in)}]")
    if operation.reply:
        found.append(f"struct {operation.reply.name} *reply")
    if operation.out_window:
        found += ["void *out", "size_t out_bytes"]
    if operation.handles_out:
        found.append(f"handle_t handles_out[{len(operation.handles_out)}]")
    return found + ["instant_t deadline"]


def handle_rows(operation: Operation) -> list[tuple[str, str]]:
    rows = []
    for key, handles in (("handles_in", operation.handles_in),
                         ("handles_out", operation.handles_out)):
        for index, each in enumerate(handles):
            kind = "" if each.name == each.object else f" ({each.object})"
            rows.append((f"{key}[{index}]", f"{each.name}{kind}"
                         + (f": {each.doc}" if each.doc else "")))
    return rows


def window_rows(operation: Operation) -> list[tuple[str, str]]:
    return [(key, f"at most {window.max} bytes; {window.doc}"
             + ("; memory of the caller's own, as a short one is copied" if window.inline else ""))
            for key, window in (("in", operation.in_window), ("out", operation.out_window))
            if window]


def manual(operation: Operation, indent: str = "") -> str:
    """The comment above a prototype."""
    parts = [comment(operation.doc, indent)]
    rows = window_rows(operation) + handle_rows(operation)
    if rows:
        parts.append(columns(rows, f"{indent}//   "))
    blocks = " May block, and is interruptible then." if operation.may_block else ""
    result = operation.returns_doc or "0"
    errors = " Errors:" if operation.errors else ""
    parts.append(comment(f"Class {operation.kind}.{blocks} Returns {result}, or a status.{errors}",
                         indent))
    if operation.errors:
        parts[-1] += "\n" + columns([(f"ERR_{name}", text)
                                     for name, text in operation.errors.items()], f"{indent}//   ")
    return f"\n{indent}//\n".join(parts)


def opening(protocol: Protocol, operation: Operation) -> str:
    return f"int64_t {protocol.name}_{operation.name}"


def client_header(protocol: Protocol) -> str:
    prototypes = "\n".join(
        manual(each) + "\n" + call_text(f"[[nodiscard]] {opening(protocol, each)}",
                                        parameters(each), ";") + "\n"
        for each in protocol.operations)
    return f"""{header(protocol.source)}//
// The client's side of {protocol.name}. Each function makes one call on the channel and returns the
// server's result. Beside the errors that are listed, all return those of sys_channel_call, and
// ERR_PROTOCOL when the answer is malformed. Handles that are sent stay the caller's.
#pragma once

#include <abi/proto/{protocol.name}.h>

{prototypes}"""


def stub(protocol: Protocol, index: int, operation: Operation) -> str:
    fields = [("info", f"&{protocol.name}_operations[{index}]"), ("channel", "channel"),
              ("deadline", "deadline")]
    for key, present in (("request", operation.request), ("reply", operation.reply),
                         ("in", operation.in_window), ("in_bytes", operation.in_window),
                         ("out", operation.out_window), ("out_bytes", operation.out_window),
                         ("handles_in", operation.handles_in),
                         ("handles_out", operation.handles_out)):
        if present:
            fields.append((key, key))
    lines = "".join(f"        .{key} = {text},\n" for key, text in fields)
    function = call_text(opening(protocol, operation), parameters(operation), " {")
    return f"""{function}
    struct protocol_call call = {{
{lines}    }};
    return protocol_call(&call);
}}
"""


def client_source(protocol: Protocol) -> str:
    stubs = "\n".join(stub(protocol, index, each)
                      for index, each in enumerate(protocol.operations))
    return f"""{header(protocol.source)}
#include "{protocol.name}_client.h"

#include "protocol_call.h"

{stubs}"""


def outputs(protocol: Protocol) -> dict[str, str]:
    return {f"lib/proto/{protocol.name}_client.h": client_header(protocol),
            f"lib/proto/{protocol.name}_client.c": client_source(protocol)}
