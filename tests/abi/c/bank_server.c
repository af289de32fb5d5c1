// SPDX-License-Identifier: MIT

#include "bank.h"

#include <assert.h>

#include <abi/status.h>

static int64_t transfer(void *server, const struct packet *packet,
                        const struct bank_transfer_request *request,
                        struct bank_transfer_reply *reply) {
    struct bank *bank = server;
    assert(packet->thread == 77);
    assert(reply->balance == 0);
    if (request->to == 0) {
        return ERR_NOT_FOUND;
    }
    bank->transfers++;
    reply->balance = (int64_t)request->from - (int64_t)request->amount;
    return 0;
}

static int64_t history(void *server, const struct packet *packet,
                       const struct bank_history_request *request,
                       struct bank_history_reply *reply) {
    struct bank *bank = server;
    if (request->account == 9) {
        bank->later = packet->token;
        return PROTOCOL_LATER;
    }
    if (bank->touches > 0) {
        bank->touches--;
        return PROTOCOL_TOUCH_OUT(100 + bank->touches);
    }
    reply->count = 1;
    reply->last[0] = (struct bank_entry){.kind = 2, .amount = -5, .note = "ab"};
    return 24;
}

static int64_t deposit(void *server, const struct packet *packet, const handle_t handles_in[2],
                       handle_t handles_out[1]) {
    struct bank *bank = server;
    bank->got[0] = handles_in[0];
    bank->got[1] = handles_in[1];
    if (bank->touches > 0) {
        bank->touches--;
        return PROTOCOL_TOUCH_IN(packet->in_bytes - 1);
    }
    handles_out[0] = 555;
    return INT32_MAX;
}

// `close` is left out: the dispatch answers for it.
const struct bank_ops bank_handlers = {
    .transfer = transfer,
    .history = history,
    .deposit = deposit,
};
