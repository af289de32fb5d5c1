// SPDX-License-Identifier: MIT
//
// The server's half of every protocol: checking requests and writing answers.
#pragma once

#include <abi/message.h>
#include <abi/protocol.h>

// Whether a request fits its operation: size of the body, handles, windows. Returns OK, or
//   ERR_PROTOCOL  it does not
//   ERR_LIMIT     handles of it found no place in our table
[[nodiscard]] status_t protocol_check(const struct operation_info *info,
                                      const struct packet *packet, const struct message *message);

// Refuses a request: closes the handles that came with it and makes the message an answer with this
// status. Returns the status.
int64_t protocol_refuse(struct message *message, status_t status);

// Makes the message an answer. `result` is 0 to INT32_MAX, then `reply` and `handles` are sent; or
// a status or a PROTOCOL_TOUCH_ value, then they are not. The caller keeps its handles; the client
// gets its own.
void protocol_answer(struct message *message, const struct operation_info *info, int64_t result,
                     const void *reply, const handle_t *handles);
