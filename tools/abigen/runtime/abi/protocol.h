// SPDX-License-Identifier: MIT
//
// What all protocols share: how a request and its answer lie in a struct message, and the tables
// that describe each operation.
//
// A request has its operation in `op`, exactly the request struct as its body, the declared
// handles, and a window only where one is declared. An answer has its result in `op`, as 32 bits
// with a sign. When that is 0 or above, the reply struct and the declared handles come with it.
// When it is below 0 it is a status, and nothing comes with it, but for ERR_TOUCH: then the body is
// a struct protocol_touch, nothing was changed, and the client touches the page and calls again.
#pragma once

#include <abi/types.h>
#include <stdbool.h>

// What a server that was restarted may do with a call that its predecessor had taken.
enum operation_class {
    OPERATION_READ = 1,       // run it again: it changes nothing
    OPERATION_IDEMPOTENT = 2, // run it again: twice is the same as once
    OPERATION_RECORD = 3,     // answer it from its reply record, or, when there is none, run it
};

// A server need not fetch a short window for which there is room in the message.
#define INLINE_MAX 128

struct operation_info {
    const char *name;
    uint32_t op;       // protocol id << 16 | number
    uint8_t class;     // enum operation_class
    uint8_t may_block; // its call is interruptible
    uint8_t handles_in;
    uint8_t handles_out;
    uint16_t request_bytes; // 0: no request struct
    uint16_t reply_bytes;
    bool in_inline;        // a window of at most INLINE_MAX bytes stands behind the request as well
    uint32_t in_max_bytes; // 0: no window
    uint32_t out_max_bytes;
};

struct protocol_info {
    const char *name;
    uint16_t id;
    uint16_t version;
    uint32_t operation_count;
    const struct operation_info *operations;
};

// Body of an ERR_TOUCH answer.
struct protocol_touch {
    uint64_t offset; // in the window
    uint32_t out;    // 0: the in-window, 1: the out-window
    uint32_t reserved;
};
static_assert(sizeof(struct protocol_touch) == 16, "struct protocol_touch is ABI");

// What a handler returns beside results and statuses: it has kept the call to answer it later, or
// the client is to touch the page at this offset of its window and to call again.
#define PROTOCOL_LATER INT64_MIN
#define PROTOCOL_TOUCH (INT64_MIN | INT64_C(1) << 40)
#define PROTOCOL_TOUCH_IN(offset) (PROTOCOL_TOUCH | (int64_t)(uint32_t)(offset))
#define PROTOCOL_TOUCH_OUT(offset) (PROTOCOL_TOUCH_IN(offset) | INT64_C(1) << 32)
