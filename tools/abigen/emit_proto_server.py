# SPDX-License-Identifier: MIT
"""The server's side of a protocol: a table of handlers, and the dispatch that checks requests."""

from .emit import call_text, header
from .emit_proto_client import manual
from .model import Operation, Protocol


def handler_parameters(operation: Operation) -> list[str]:
    found = ["void *server", "const struct packet *packet"]
    if operation.request:
        found.append(f"const struct {operation.request.name} *request")
    if operation.handles_in:
        found.append(f"const handle_t handles_in[{len(operation.handles_in)}]")
    if operation.reply:
        found.append(f"struct {operation.reply.name} *reply")
    if operation.handles_out:
        found.append(f"handle_t handles_out[{len(operation.handles_out)}]")
    return found


def answer_parameters(operation: Operation) -> list[str]:
    found = ["struct message *message", "int64_t result"]
    if operation.reply:
        found.append(f"const struct {operation.reply.name} *reply")
    if operation.handles_out:
        found.append(f"const handle_t handles_out[{len(operation.handles_out)}]")
    return found


def member(operation: Operation) -> str:
    text = manual(operation, "    ")
    pointer = call_text(f"    int64_t (*{operation.name})", handler_parameters(operation), ";")
    return f"{text}\n{pointer}\n"


def answer_prototype(protocol: Protocol, operation: Operation, closing: str) -> str:
    return call_text(f"void {protocol.name}_{operation.name}_answer",
                     answer_parameters(operation), closing)


def dispatch_prototype(protocol: Protocol, closing: str) -> str:
    return call_text(f"int64_t {protocol.name}_dispatch",
                     [f"const struct {protocol.name}_ops *ops", "void *server",
                      "const struct packet *packet", "struct message *message"], closing)


def server_header(protocol: Protocol) -> str:
    members = "\n".join(member(each) for each in protocol.operations)
    answers = "\n".join(answer_prototype(protocol, each, ";") for each in protocol.operations)
    name = protocol.name
    return f"""{header(protocol.source)}//
// The server's side of {name}.
#pragma once

#include <abi/message.h>
#include <abi/proto/{name}.h>

// One handler for each operation; a null pointer answers ERR_NOT_SUPPORTED. The dispatch has
// checked sizes, counts and windows; values are the handler's to check. `server` is what was given
// to the dispatch; `packet` has the stamp, the token and the window sizes. A reply starts as zeros.
// Handles that came in are the handler's from then on; those that go out stay the server's, and the
// client gets its own.
//
// A handler returns 0 to INT32_MAX (the reply is sent), a status (it is not), PROTOCOL_TOUCH_IN or
// _OUT of an offset when call_read or call_write met an absent page before anything was changed, or
// PROTOCOL_LATER when it has kept packet->token for an answer by {name}_<operation>_answer.
struct {name}_ops {{
{members}}};

// Runs the handler of the request in `message`, which came with a PACKET_CALL. The message then
// holds the answer, ready for port_reply_wait. Handlers may use the thread's block: the request was
// copied out of it. `packet` must be a copy if they do. Returns the handler's result, or
//   PROTOCOL_LATER     there is no answer yet: wait without one
//   ERR_PROTOCOL       unknown operation, wrong size, wrong handles or window; the answer says so
//   ERR_LIMIT          handles of the request found no place; the answer says so
//   ERR_NOT_SUPPORTED  there is no handler; the answer says so
{dispatch_prototype(protocol, ';')}

// Make `message` the answer to a request, for handlers that returned PROTOCOL_LATER. The reply and
// the handles are read only when the result is 0 or above.
{answers}
"""


def answer_source(protocol: Protocol, index: int, operation: Operation) -> str:
    values = ["message", f"&{protocol.name}_operations[{index}]", "result",
              "reply" if operation.reply else "NULL",
              "handles_out" if operation.handles_out else "NULL"]
    return (answer_prototype(protocol, operation, " {") + "\n"
            + call_text("    protocol_answer", values, ";") + "\n}\n")


def locals_source(operation: Operation) -> str:
    """The request's copy and the reply's place."""
    lines = []
    if operation.request:
        lines += [f"    struct {operation.request.name} request;",
                  "    __builtin_memcpy(&request, message->body, sizeof(request));"]
    if operation.handles_in:
        lines += [f"    handle_t handles_in[{len(operation.handles_in)}];",
                  "    __builtin_memcpy(handles_in, message->handles, sizeof(handles_in));"]
    if operation.reply:
        lines += [f"    struct {operation.reply.name} reply;",
                  "    __builtin_memset(&reply, 0, sizeof(reply));"]
    if operation.handles_out:
        lines.append(f"    handle_t handles_out[{len(operation.handles_out)}] = {{0}};")
    return "".join(line + "\n" for line in lines)


def handle_source(protocol: Protocol, index: int, operation: Operation) -> str:
    """The static function that serves one operation."""
    values = ["server", "packet"] + (["&request"] if operation.request else [])
    values += ["handles_in"] if operation.handles_in else []
    outs = ["&reply"] if operation.reply else []
    outs += ["handles_out"] if operation.handles_out else []
    serve = call_text(f"    int64_t result = ops->{operation.name}", values + outs, ";")
    answer = call_text(f"        {protocol.name}_{operation.name}_answer",
                       ["message", "result"] + outs, ";")
    function = call_text(f"static int64_t serve_{operation.name}",
                         [f"const struct {protocol.name}_ops *ops", "void *server",
                          "const struct packet *packet", "struct message *message"], " {")
    check = call_text("    status_t status = protocol_check",
                      [f"&{protocol.name}_operations[{index}]", "packet", "message"], ";")
    return f"""{function}
{check}
    if (status < 0 || ops->{operation.name} == NULL) {{
        return protocol_refuse(message, status < 0 ? status : ERR_NOT_SUPPORTED);
    }}
{locals_source(operation)}{serve}
    if (result != PROTOCOL_LATER) {{
{answer}
    }}
    return result;
}}
"""


def server_source(protocol: Protocol) -> str:
    name = protocol.name
    answers = "\n".join(answer_source(protocol, index, each)
                        for index, each in enumerate(protocol.operations))
    handles = "\n".join(handle_source(protocol, index, each)
                        for index, each in enumerate(protocol.operations))
    cases = "".join(f"    case {name.upper()}_OP_{each.name.upper()}:\n"
                    f"        return serve_{each.name}(ops, server, packet, message);\n"
                    for each in protocol.operations)
    return f"""{header(protocol.source)}
#include "{name}_server.h"

#include "protocol_answer.h"

#include <abi/status.h>

{answers}
{handles}
{dispatch_prototype(protocol, ' {')}
    switch (message->op) {{
{cases}    default:
        return protocol_refuse(message, ERR_PROTOCOL);
    }}
}}
"""


def outputs(protocol: Protocol) -> dict[str, str]:
    return {f"lib/proto/{protocol.name}_server.h": server_header(protocol),
            f"lib/proto/{protocol.name}_server.c": server_source(protocol)}
