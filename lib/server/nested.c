// SPDX-License-Identifier: MIT
//
// Nested calls and the helper threads that make them.
//
// Loop and helpers share one word for each helper: the loop writes the job and then HELPER_WORK,
// the helper writes the answer and then HELPER_DONE and signals the event. Helpers touch neither
// the vault nor the requests otherwise. A helper that is idle sleeps on its word.

#include <server/nested.h>

#include "vault_internal.h"

#include <sys/calls.h>
#include <sys/log.h>
#include <sys/thread.h>

enum nested_state {
    NESTED_NONE,
    NESTED_WAITING, // for a helper
    NESTED_RUNNING,
    NESTED_ANSWERED,
};

enum helper_word { HELPER_IDLE, HELPER_WORK, HELPER_DONE };

struct nested {
    uint8_t state; // enum nested_state
    const struct operation_info *info;
    handle_t channel;
    uint64_t sub;
    uint64_t hash;
    int64_t status;         // of call_for
    struct message message; // the request, then the answer
};

struct helper {
    uint32_t word; // enum helper_word, atomic
    struct server *server;
    struct request *request;
    struct nested *nested;
    uint64_t token, thread; // of the request
    bool repeats;           // the call may have been made by a predecessor
    struct thread handle;
};

size_t nested_bytes(void) {
    return NESTED_MAX * sizeof(struct nested);
}

bool nested_begun(const struct request *request) {
    return request->nested != NULL && request->nested[0].state != NESTED_NONE;
}

void nested_reset(struct request *request) {
    for (uint32_t i = 0; i < NESTED_MAX; i++) {
        request->nested[i].state = NESTED_NONE;
    }
}

// ---- helpers

static void message_copy(struct message *to, const struct message *from) {
    memcpy(to, from, offsetof(struct message, body) + from->body_bytes);
}

static void make_call(struct helper *helper) {
    struct nested *nested = helper->nested;
    if (helper->repeats && sys_object_alive(helper->thread) == 0) {
        // See server/nested.h: what was done for a dead thread is not remembered.
        nested->status = ERR_CALLER_GONE;
        return;
    }
    struct message *message = &thread_block()->message;
    message_copy(message, &nested->message);
    nested->status = sys_call_for(helper->token, nested->channel, nested->sub, INSTANT_NEVER, 0);
    if (nested->status == OK) {
        message_copy(&nested->message, message);
    }
}

static void helper_main(void *argument) {
    struct helper *helper = argument;
    for (;;) {
        uint32_t word = __atomic_load_n(&helper->word, __ATOMIC_ACQUIRE);
        if (word != HELPER_WORK) {
            // A value that has changed, or a wake too many: look again.
            (void)!sys_futex_wait((vaddr_t)&helper->word, word, UINT32_MAX, INSTANT_NEVER, 0);
            continue;
        }
        make_call(helper);
        __atomic_store_n(&helper->word, HELPER_DONE, __ATOMIC_RELEASE);
        (void)sys_event_signal(helper->server->event, 0, NESTED_DONE);
    }
}

status_t nested_start(struct server *server) {
    uint32_t wanted = server->program->helpers;
    if (wanted == 0) {
        return OK;
    }
    server->helpers = server_memory(wanted * sizeof(struct helper));
    if (server->helpers == NULL) {
        return ERR_NO_MEMORY;
    }
    status_t status = OK;
    while (server->helper_count < wanted && status == OK) {
        struct helper *helper = &server->helpers[server->helper_count];
        helper->server = server;
        status = thread_run(&helper->handle, helper_main, helper);
        server->helper_count += status == OK;
    }
    if (server->helper_count == 0) {
        return status;
    }
    if (status != OK) {
        log_printf("%s: only %u helper threads", server->program->name, server->helper_count);
    }
    return OK;
}

// ---- the loop's side

static void give(struct helper *helper, struct request *request, struct nested *nested) {
    nested->state = NESTED_RUNNING;
    helper->request = request;
    helper->nested = nested;
    helper->token = request->packet.token;
    helper->thread = request->packet.thread;
    helper->repeats = (request->packet.flags & PACKET_RETRY) != 0;
    __atomic_store_n(&helper->word, HELPER_WORK, __ATOMIC_RELEASE);
    (void)sys_futex_wake((vaddr_t)&helper->word, 1, UINT32_MAX, 0);
}

static struct helper *idle_helper(struct server *server) {
    for (uint32_t i = 0; i < server->helper_count; i++) {
        if (__atomic_load_n(&server->helpers[i].word, __ATOMIC_ACQUIRE) == HELPER_IDLE) {
            return &server->helpers[i];
        }
    }
    return NULL;
}

// Gives waiting calls to idle helpers, oldest request first.
static void give_waiting(struct server *server) {
    list_for_each(node, &server->parked) {
        struct request *request = list_entry(node, struct request, node);
        for (uint32_t i = 0; i < NESTED_MAX; i++) {
            struct nested *nested = &request->nested[i];
            struct helper *helper = nested->state == NESTED_WAITING ? idle_helper(server) : NULL;
            if (helper != NULL) {
                give(helper, request, nested);
            }
        }
    }
}

void nested_collect(struct server *server) {
    for (uint32_t i = 0; i < server->helper_count; i++) {
        struct helper *helper = &server->helpers[i];
        if (__atomic_load_n(&helper->word, __ATOMIC_ACQUIRE) == HELPER_DONE) {
            helper->nested->state = NESTED_ANSWERED;
            // A request with a nested call under way is always parked.
            helper->request->state = REQUEST_READY;
            __atomic_store_n(&helper->word, HELPER_IDLE, __ATOMIC_RELAXED);
        }
    }
    give_waiting(server);
}

static uint64_t call_hash(const struct nested *nested) {
    const struct message *message = &nested->message;
    uint32_t low = crc32c(message->op, message->body, message->body_bytes);
    return (uint64_t)crc32c(low, &nested->channel, sizeof(nested->channel)) << 32 | low;
}

static status_t begin_call(struct request *request, struct nested *nested, const void *body) {
    struct server *server = request->server;
    nested->message = (struct message){
        .op = nested->info->op,
        .body_bytes = nested->info->request_bytes,
    };
    memcpy(nested->message.body, body, nested->info->request_bytes);
    struct call_id id = request_id(request);
    id.sub = nested->sub;
    status_t status = OK;
    if (nested->info->class == OPERATION_RECORD) {
        status = intent_note(&server->vault, &id, call_hash(nested));
    }
    if (status == ERR_BAD_STATE) {
        log_printf("%s: a nested call is not what it was before the restart",
                   server->program->name);
    }
    return status;
}

// Takes an answer apart. Returns its result.
static int64_t read_answer(const struct nested *nested, void *reply) {
    const struct message *message = &nested->message;
    if (nested->status != OK) {
        return nested->status;
    }
    int64_t result = (int32_t)message->op;
    if (result >= 0) {
        if (message->body_bytes != nested->info->reply_bytes) {
            return ERR_PROTOCOL;
        }
        memcpy(reply, message->body, message->body_bytes);
    } else if (result < -STATUS_LAST || result == ERR_TOUCH) {
        return ERR_PROTOCOL;
    }
    return result;
}

int64_t request_call(struct request *request, uint32_t step, handle_t channel,
                     const struct protocol_info *protocol, uint32_t op, const void *body,
                     void *reply) {
    const struct operation_info *info = operation_find(protocol, op);
    if (request->nested == NULL || step == 0 || step > NESTED_MAX || info == NULL ||
        info->in_max_bytes + info->out_max_bytes + info->handles_in + info->handles_out != 0) {
        panic("server: a nested call that can't be made");
    }
    struct nested *nested = &request->nested[step - 1];
    if (nested->state == NESTED_ANSWERED) {
        return read_answer(nested, reply);
    }
    if (nested->state == NESTED_NONE) {
        if (!request_can_wait(request)) {
            return ERR_LIMIT;
        }
        nested->info = info;
        nested->channel = channel;
        nested->sub = request->packet.sub << 8 | step;
        status_t status = begin_call(request, nested, body);
        if (status != OK) {
            return status;
        }
        nested->state = NESTED_WAITING;
        struct helper *helper = idle_helper(request->server);
        if (helper != NULL) {
            give(helper, request, nested);
        }
    }
    return PROTOCOL_LATER;
}
