// SPDX-License-Identifier: MIT
//
// Calls that a server makes to another one while it serves a call.
//
// The loop must not wait, so a nested call is made by a helper thread, in the name of the call that
// is served (call_for on a FORWARDER channel: the callee sees the origin's thread and call number).
// A handler is written as if it could wait:
//
//     int64_t paid = request_call(request, 1, bank, &bank_protocol, BANK_OP_TRANSFER, &ask, &got);
//     if (paid < 0) {
//         return paid;                   // PROTOCOL_LATER, too
//     }
//     int64_t put = request_call(request, 2, queue, ...);
//
// The first time request_call gives the call to a helper and returns PROTOCOL_LATER, which the
// handler passes on. When the answer is there, the handler runs again from its beginning, and this
// request_call returns it. So everything before a request_call is done again, and must come to the
// same decisions.
//
// Exactly once: the callee knows the call by (thread, call number, sub), where `sub` is made of the
// step's number and of the sub that the served call came with itself. A successor runs the handler
// from the beginning and makes the same calls with the same ids; those that were done are answered
// from the callee's reply records. To hold it to that, each nested call of class record leaves an
// *intent* in the vault before it is made: a hash of callee, operation and arguments. A handler
// that comes to another decision the second time is stopped with ERR_BAD_STATE, and the log says
// so.
//
// A request with a nested call begun is never dropped: when its caller wants to go on, it is
// finished first. When the caller is *gone* and the server dies, the successor drops it: nobody
// keeps the callee's reply records for a dead thread, so repeating a nested call for it could do it
// twice.
#pragma once

#include <server/server.h>

#define NESTED_MAX 4 // nested calls of one request

// Step `step` (1 to NESTED_MAX) of a request: calls an operation without windows and handles on the
// channel of a peer. Returns the callee's result, then `reply` is filled; a status; or
// PROTOCOL_LATER. Beside the errors of the operation and of call_for:
//   ERR_BAD_STATE  a predecessor made another call at this step
//   ERR_LIMIT      more nested calls at once than intents_max; nothing was done
[[nodiscard]] int64_t request_call(struct request *request, uint32_t step, handle_t channel,
                                   const struct protocol_info *protocol, uint32_t op,
                                   const void *body, void *reply);
