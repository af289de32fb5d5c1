# SPDX-License-Identifier: MIT
"""One reference page for each protocol."""

from .emit_docs import error_table, page, set_section, signal_rows, table
from .emit_proto_client import handle_rows, opening, parameters, window_rows
from .emit import call_text
from .model import Abi, Operation, Protocol, WireStruct


def struct_table(each: WireStruct) -> str:
    rows = [(str(field.offset), f"`{field.name}`",
             field.c_type + ("" if field.count is None else f"[{field.count}]"), field.doc)
            for field in each.fields if not field.padding]
    return table(("offset", "member", "type", "meaning"), rows)


def body_section(title: str, body: WireStruct | None) -> str:
    if body is None:
        return ""
    return f"{title}, `struct {body.name}`, {body.size} bytes:\n\n{struct_table(body)}"


def operation_section(protocol: Protocol, each: Operation) -> str:
    signature = call_text(opening(protocol, each), parameters(each), ";")
    moved = [(f"`{name}`", text) for name, text in window_rows(each) + handle_rows(each)]
    blocks = ", may block" if each.may_block else ""
    returns = each.returns_doc or "0"
    return (f"## {each.name}\n\n{each.doc}\n\n"
            f"```c\n{signature}\n```\n\n"
            f"Operation {each.number}, class {each.kind}{blocks}. "
            f"Returns {returns}, or an error.\n\n"
            + body_section("Request", each.request) + body_section("Reply", each.reply)
            + table(("window or handle", "meaning"), moved) + error_table(each.errors))


def call_link(abi: Abi) -> str:
    """channel_call, with a link to where its page explains it."""
    group = next((call.group for call in abi.calls if call.name == "channel_call"), None)
    return f"[channel_call](calls-{group}.md#channel_call)" if group else "channel_call"


def protocol_page(abi: Abi, protocol: Protocol) -> str:
    index = table(("operation", "number", "class", "may block"),
                  [(f"[{each.name}](#{each.name})", str(each.number), each.kind,
                    "yes" if each.may_block else "") for each in protocol.operations])
    events = table(("signal", "bit", "meaning"),
                   signal_rows(f"{protocol.name.upper()}_SIGNAL", protocol.events))
    structs = "".join(f"### struct {each.name}\n\n" + (f"{each.doc}\n\n" if each.doc else "")
                      + struct_table(each) for each in protocol.structs)
    sets = "".join(set_section(each) for each in protocol.sets)
    return (page(f"Protocol: {protocol.name}", protocol.source)
            + f"{protocol.doc}\n\nProtocol {protocol.id}, version {protocol.version}.\n\n{index}"
            + f"Every operation can also fail with the errors of {call_link(abi)}, and with "
              "[PROTOCOL](status.md#protocol) when request or answer is malformed.\n\n"
            + "".join(operation_section(protocol, each) for each in protocol.operations)
            + (f"## Events\n\n{events}" if events else "")
            + (f"## Shared structs\n\n{structs}" if structs else "")
            + (f"## Constants\n\n{sets}" if sets else "")).rstrip("\n") + "\n"


def pages(abi: Abi) -> dict[str, str]:
    return {f"protocol-{each.name}.md": protocol_page(abi, each) for each in abi.protocols}
