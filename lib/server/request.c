// SPDX-License-Identifier: MIT
//
// The life of a call in service: taken, run, perhaps parked and run again, answered, finished.
//
// Each call has a place in server->requests from the moment it is taken until its answer is sent.
// There is one place more than calls may wait: so a call that finds all others waiting can still be
// refused.
//
// A handler only runs when its own call, or the call whose step woke it, is the one that the kernel
// holds for taken last: everything that a step wakes runs before the next packet is taken. Answers
// that can't be sent at once wait in the outbox.

#include "vault_internal.h"

#include <proto/protocol_answer.h>
#include <sys/calls.h>
#include <sys/log.h>

// ---- places

static struct request *request_alloc(struct server *server, const struct packet *packet) {
    for (uint32_t i = 0; i < server->request_count; i++) {
        struct request *request = &server->requests[i];
        if (i == server->request_top) {
            server->request_top++;
            request->server = server;
            request->nested = server->nested_memory == NULL
                                  ? NULL
                                  : (struct nested *)(server->nested_memory + i * nested_bytes());
        }
        if (request->state == REQUEST_FREE) {
            request->packet = *packet;
            request->state = REQUEST_RUNNING;
            request->cancelled = (packet->flags & PACKET_CANCEL) != 0;
            request->orphan = (packet->flags & PACKET_ORPHAN) != 0;
            request->again = false;
            request->wait = 0;
            request->reply = NULL;
            request->handle_count = 0;
            return request;
        }
    }
    // There is one place more than may be parked, and an answer is sent before a packet is taken.
    panic("server: no place for a call");
}

bool request_can_wait(const struct request *request) {
    uint32_t waiting = 0;
    list_for_each(node, &request->server->parked) {
        waiting++;
    }
    return request->again || waiting < request->server->vault.layout->calls_max;
}

static struct request *find_token(struct server *server, uint64_t token) {
    for (uint32_t i = 0; i < server->request_top; i++) {
        struct request *request = &server->requests[i];
        if (request->state != REQUEST_FREE && request->packet.token == token) {
            return request;
        }
    }
    return NULL;
}

// Another call of the same id that is in service, parked: its answer will be this one's.
static bool has_twin(const struct server *server, const struct request *request) {
    struct call_id id = request_id(request);
    list_for_each(node, &server->parked) {
        const struct request *other = list_entry(node, struct request, node);
        struct call_id other_id = request_id(other);
        if (other != request && other->state != REQUEST_JOINED && call_id_equal(&other_id, &id)) {
            return true;
        }
    }
    return false;
}

const struct operation_info *operation_find(const struct protocol_info *protocol, uint32_t op) {
    // Nearly always they are declared in the order of their numbers, from 1.
    uint32_t guess = (op & 0xffff) - 1;
    if (guess < protocol->operation_count && protocol->operations[guess].op == op) {
        return &protocol->operations[guess];
    }
    for (uint32_t i = 0; i < protocol->operation_count; i++) {
        if (protocol->operations[i].op == op) {
            return &protocol->operations[i];
        }
    }
    return NULL;
}

// ---- steps and conditions

void server_wake(struct server *server, uint64_t condition) {
    for (uint32_t i = 0; i < server->wake_count; i++) {
        if (server->wakes[i] == condition) {
            return;
        }
    }
    if (server->wake_count == SERVER_WAKES_MAX) {
        panic("server: a step brings about more than %u conditions", SERVER_WAKES_MAX);
    }
    server->wakes[server->wake_count++] = condition;
}

void request_wait(struct request *request, uint64_t condition) {
    request->wait = condition;
}

void wakes_apply(struct server *server) {
    list_for_each(node, &server->parked) {
        struct request *request = list_entry(node, struct request, node);
        for (uint32_t i = 0; i < server->wake_count; i++) {
            if (request->state == REQUEST_PARKED && request->wait == server->wakes[i]) {
                request->state = REQUEST_READY;
            }
        }
    }
    server->wake_count = 0;
}

// Nothing was changed: then there is nothing to do after it either.
static void committed(struct server *server) {
    if (server->vault.started && server->program->committed != NULL) {
        server->program->committed(server);
    }
}

void server_step_end(struct server *server) {
    status_t status = step_commit(&server->vault, NULL);
    if (status == OK) {
        committed(server);
        wakes_apply(server);
    } else {
        log_printf("%s: a notice was too large for a step", server->program->name);
        server->wake_count = 0;
    }
}

void server_checkpoint(struct server *server) {
    if (step_commit(&server->vault, NULL) != OK) {
        panic("%s: too much before a checkpoint", server->program->name);
    }
    committed(server);
    wakes_apply(server);
    step_begin(&server->vault);
}

status_t server_channel(struct server *server, uint64_t key, uint32_t flags, handle_t *client,
                        handle_t *endpoint) {
    int64_t pair = sys_channel_create(server->port, key, flags);
    if (pair < 0) {
        return (status_t)pair;
    }
    *client = handle_pair_first(pair);
    *endpoint = handle_pair_second(pair);
    step_made(&server->vault, *client);
    step_made(&server->vault, *endpoint);
    return OK;
}

// ---- answers

// The answer stands in the thread's block.
static void answered(struct request *request) {
    request->state = REQUEST_RUNNING;
    request->server->answer = request;
}

static void refuse(struct request *request, status_t status) {
    (void)protocol_refuse(request->server->message, status);
    answered(request);
}

void answer_set_aside(struct server *server) {
    struct request *request = server->answer;
    if (request != NULL) {
        memcpy(&request->message, server->message,
               offsetof(struct message, body) + server->message->body_bytes);
        request->state = REQUEST_ANSWERED;
        list_push_back(&server->outbox, &request->node);
        server->answer = NULL;
    }
}

static void answer_from_record(struct request *request, struct reply_record *record) {
    struct message *message = request->server->message;
    if (request->hash != record->head.hash && record->head.forwarded) {
        log_printf("%s: a forwarder repeats a call with other arguments",
                   request->server->program->name);
        refuse(request, ERR_BAD_STATE);
        return;
    }
    // Handles that came with this delivery are not needed: the operation has had them.
    (void)protocol_refuse(message, ERR_NOT_DONE);
    message->op = record->head.op;
    message->body_bytes = (uint16_t)record->head.body_bytes;
    memcpy(message->body, record->body, record->head.body_bytes);
    message->handle_count = record->head.handle_count;
    for (uint32_t i = 0; i < record->head.handle_count; i++) {
        message->handles[i] = record->head.handles[i];
    }
    reply_claim(&request->server->vault, record);
    request->reply = record;
    answered(request);
}

void request_finish(struct request *request) {
    struct server *server = request->server;
    struct call_id id = request_id(request);
    if (request->reply != NULL) {
        reply_release(&server->vault, request->reply);
    }
    for (uint32_t i = 0; i < request->handle_count; i++) {
        (void)!sys_handle_close(request->handles[i]);
    }
    if (nested_begun(request)) {
        intents_free(&server->vault, &id);
        nested_reset(request);
    }
    blame_clear(&server->vault, &id);
    request->state = REQUEST_FREE;
    if ((request->packet.flags & PACKET_FORWARDED) != 0) {
        list_for_each(node, &server->parked) {
            struct request *other = list_entry(node, struct request, node);
            struct call_id other_id = request_id(other);
            if (other->state == REQUEST_JOINED && call_id_equal(&other_id, &id)) {
                other->state = REQUEST_READY;
                break;
            }
        }
    }
}

const void *request_inline(const struct request *request) {
    const struct operation_info *info = request->info;
    const struct message *message = request->server->message;
    uint64_t bytes = request->packet.in_bytes;
    bool there = info != NULL && info->in_inline && bytes != 0 && bytes <= INLINE_MAX &&
                 message->body_bytes == info->request_bytes + bytes;
    return there ? message->body + info->request_bytes : NULL;
}

// ---- running

static bool is_record(const struct request *request) {
    return request->info != NULL && request->info->class == OPERATION_RECORD;
}

static bool is_forwarded(const struct request *request) {
    return (request->packet.flags & PACKET_FORWARDED) != 0;
}

// Handles of an answer that no record keeps are closed once it is sent.
static void keep_handles(struct request *request) {
    const struct message *message = request->server->message;
    request->handle_count = message->handle_count;
    for (uint32_t i = 0; i < message->handle_count; i++) {
        request->handles[i] = message->handles[i];
    }
}

// Whether the answer has to be kept for a caller that asks again. Not when the handler has changed
// nothing, and the service says that it may then run again.
static bool needs_record(const struct request *request) {
    const struct server *server = request->server;
    const struct vault *vault = &server->vault;
    bool repeats = server->program->repeats_unchanged && !vault->started &&
                   vault->made_count == 0 && vault->close_count == 0 && !is_forwarded(request);
    return is_record(request) && !repeats;
}

static void commit(struct request *request) {
    struct server *server = request->server;
    bool record = needs_record(request);
    struct step_reply reply = {
        .id = request_id(request),
        .forwarded = is_forwarded(request),
        .hash = request->hash,
        .answer = server->message,
    };
    status_t status = step_commit(&server->vault, record ? &reply : NULL);
    if (status != OK) {
        // The handles of the answer were noted as made by the step, and are closed.
        server->wake_count = 0;
        protocol_answer(server->message, NULL, status, NULL, NULL);
    } else if (record) {
        request->reply = server->vault.reply;
        reply_claim(&server->vault, request->reply);
        committed(server);
    } else {
        keep_handles(request);
        committed(server);
    }
    wakes_apply(server);
}

// Runs the handler in a step. Returns its result.
static int64_t execute(struct request *request) {
    struct server *server = request->server;
    struct call_id id = request_id(request);
    blame_serving(&server->vault, &id);
    die_serve(&server->die, request->number, server->message);
    step_begin(&server->vault);
    // An operation that is run again at will must not change anything.
    server->vault.open = request->info != NULL && request->info->class != OPERATION_READ;
    int64_t result = server->program->dispatch(server, &request->packet, server->message);
    if (result >= 0) {
        commit(request);
    } else {
        step_undo(&server->vault);
        server->wake_count = 0;
    }
    blame_served(&server->vault);
    return result;
}

// The request stands in the thread's block, where calls that the handler makes put their answers.
static void keep(struct request *request) {
    const struct message *message = request->server->message;
    memcpy(&request->message, message, offsetof(struct message, body) + message->body_bytes);
}

static void restore(struct request *request) {
    memcpy(request->server->message, &request->message,
           offsetof(struct message, body) + request->message.body_bytes);
}

static bool may_wait(const struct request *request) {
    return request->info != NULL && request->info->may_block;
}

// It can't be answered yet. The request was kept.
static void park(struct request *request, enum request_state state) {
    struct server *server = request->server;
    bool may_drop = state != REQUEST_JOINED && !nested_begun(request);
    bool dropped = may_drop && request->cancelled;
    if (dropped || !request_can_wait(request)) {
        restore(request); // for the handles that came with it
        refuse(request, dropped ? ERR_NOT_DONE : ERR_LIMIT);
        return;
    }
    if (!request->again) {
        request->again = true;
        list_push_back(&server->parked, &request->node);
    }
    request->state = state;
}

// Answers, or parks. The request stands in the thread's block.
static void serve(struct request *request) {
    struct server *server = request->server;
    struct call_id id = request_id(request);
    if (is_record(request)) {
        bool maybe_done = is_forwarded(request) || (request->packet.flags & PACKET_RETRY) != 0;
        struct reply_record *record = maybe_done ? reply_find(&server->vault, &id) : NULL;
        if (record != NULL) {
            answer_from_record(request, record);
            return;
        }
        if (!reply_room(&server->vault, is_forwarded(request))) {
            refuse(request, ERR_LIMIT);
            return;
        }
    }
    request->wait = 0;
    if (may_wait(request) && !request->again) {
        keep(request);
    }
    if (execute(request) == PROTOCOL_LATER) {
        if (!may_wait(request)) {
            panic("%s: operation %u waits and is not declared so", server->program->name,
                  request->info != NULL ? request->info->op : 0);
        }
        park(request, REQUEST_PARKED);
    } else {
        answered(request);
    }
}

// Answers a parked request without running it.
static void drop(struct request *request) {
    struct server *server = request->server;
    answer_set_aside(server);
    restore(request);
    list_remove(&request->node);
    refuse(request, ERR_NOT_DONE);
}

// Whether a request that could go on now must not: nothing may be consumed for a caller that has
// gone, and the notice of its death may still stand in the queue, behind the packet that has woken
// the request.
static bool must_drop(const struct request *request) {
    return !nested_begun(request) &&
           (request->orphan || sys_object_alive(request->packet.thread) == 0);
}

void requests_run(struct server *server) {
    struct list_node *node = server->parked.head.next;
    while (node != &server->parked.head) {
        struct request *request = list_entry(node, struct request, node);
        node = node->next;
        if (request->state != REQUEST_READY) {
            continue;
        }
        if (must_drop(request)) {
            drop(request);
            continue;
        }
        answer_set_aside(server);
        restore(request);
        serve(request);
        if (server->answer == request) {
            list_remove(&request->node);
            // What this step has woken may stand before it.
            node = server->parked.head.next;
        }
    }
}

// ---- packets

// A hash of what a forwarder asks for, to notice when it asks for something else by the same id.
static uint64_t request_hash(const struct message *message) {
    uint64_t low = crc32c(message->op, message->body, message->body_bytes);
    return (uint64_t)crc32c(~message->op, message->body, message->body_bytes) << 32 | low;
}

void request_take(struct server *server, const struct packet *packet) {
    struct vault *vault = &server->vault;
    replies_acked(vault, packet->thread, packet->acked);
    struct request *request = request_alloc(server, packet);
    request->info = operation_find(server->program->protocol, server->message->op);
    request->number = vault->state->messages + 1;
    vault_store_64(&vault->state->messages, request->number);
    request->hash = is_forwarded(request) ? request_hash(server->message) : 0;
    die_serve(&server->die, request->number, server->message);
    die_stage(&server->die, DIE_TAKEN);
    struct call_id id = request_id(request);
    if (blame_crashes(vault, &id) >= 2) {
        log_printf("%s: call %lu of thread %lu is not tried again", server->program->name,
                   id.call_number, id.thread);
        refuse(request, ERR_QUARANTINED);
    } else if (request->orphan) {
        // Nobody waits for the answer. What was committed stays; what was not is not begun.
        refuse(request, ERR_NOT_DONE);
    } else if (is_forwarded(request) && has_twin(server, request)) {
        keep(request);
        park(request, REQUEST_JOINED);
    } else {
        serve(request);
    }
}

void request_cancel(struct server *server, const struct packet *packet) {
    struct request *request = find_token(server, packet->token);
    if (request == NULL) {
        return; // answered meanwhile
    }
    request->cancelled = true;
    request->orphan |= (packet->flags & PACKET_ORPHAN) != 0;
    if (request->state != REQUEST_PARKED) {
        return;
    }
    if (!request->orphan) {
        request->state = REQUEST_READY; // perhaps it has something to show already
    } else if (must_drop(request)) {
        drop(request);
    }
}
