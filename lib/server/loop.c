// SPDX-License-Identifier: MIT
//
// The turns of the loop. One turn sends at most one answer and takes at most one packet, in one
// kernel entry; then it serves the packet, and everything that this has woken.
//
// The wait has no deadline of its own: a timer packet, which stands in the same queue as the calls,
// makes the heartbeat. Only while something is to be *settled* does the loop poll: when the queue
// was seen empty, every call that a predecessor had taken has come back (the kernel puts those at
// the head), and nothing that a dead client or forwarder sent is still under way.

#include "vault_internal.h"

#include <proto/protocol_answer.h>
#include <server/start.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/thread.h>

#define KEY_TIMER (SERVER_KEYS | 1)
#define KEY_NESTED (SERVER_KEYS | 2)

// ---- the heartbeat

static void beat(struct server *server) {
    // Both can't fail with handles that were good at the start; if they do, the supervisor will
    // notice.
    (void)sys_timer_ack(server->timer);
    (void)sys_event_signal(server->heartbeat, 0, SERVER_BEAT);
    server->settling |= replies_doom(&server->vault);
}

static status_t bind_new(struct server *server, int64_t made, handle_t *handle, uint64_t key,
                         uint32_t signals) {
    if (made < 0) {
        return (status_t)made;
    }
    *handle = (handle_t)made;
    return sys_object_bind(*handle, server->port, key, signals);
}

status_t loop_prepare(struct server *server) {
    status_t status =
        bind_new(server, sys_timer_create(), &server->timer, KEY_TIMER, SIGNAL_TIMER_EXPIRED);
    if (status == OK && server->program->helpers != 0) {
        status = bind_new(server, sys_event_create(), &server->event, KEY_NESTED, NESTED_DONE);
    }
    if (status == OK) {
        // The first beat comes at once: the supervisor need not wait to see that we live.
        status = sys_timer_set(server->timer, 1, SERVER_BEAT_NS, 0);
    }
    return status;
}

// ---- sending

// What is to be sent with the next wait: its answer stands in the thread's block then.
static struct request *next_answer(struct server *server) {
    if (list_empty(&server->outbox)) {
        return server->answer;
    }
    answer_set_aside(server);
    struct request *request = list_entry(list_pop_front(&server->outbox), struct request, node);
    memcpy(server->message, &request->message,
           offsetof(struct message, body) + request->message.body_bytes);
    server->answer = request;
    return request;
}

// Handles that are kept only until the client has them are not kept over a long wait, unless the
// service says that they may.
static bool holds_handles(const struct request *request) {
    return request != NULL && (request->handle_count != 0 ||
                               (request->reply != NULL && request->reply->head.handle_count != 0));
}

// The kernel's word on an answer. Returns whether there was a wait as well.
static bool answer_judge(struct server *server, int64_t status) {
    struct request *request = server->answer;
    bool sent = status == OK || status == ERR_TIMED_OUT || status == ERR_INTERRUPTED;
    if (request == NULL) {
        return sent;
    }
    if (!sent && status != ERR_STALE_TOKEN && server->message->op != (uint32_t)status) {
        // A handle of the answer was revoked, or lacks TRANSFER: the client gets the reason
        // instead.
        protocol_answer(server->message, NULL, status, NULL, NULL);
        return false;
    }
    if (sent && server->die.armed) {
        server->die.message = request->number;
        die_stage(&server->die, DIE_AFTER_REPLY);
    }
    server->answer = NULL;
    request_finish(request);
    return sent;
}

// ---- taking

static void quarantined(struct server *server, const struct packet *packet) {
    struct call_id id = {packet->thread, packet->call_number, packet->sub};
    log_printf("%s: call %lu of thread %lu was quarantined", server->program->name, id.call_number,
               id.thread);
    blame_clear(&server->vault, &id);
}

static void notice(struct server *server, const struct packet *packet) {
    if (packet->key == KEY_TIMER) {
        beat(server);
    } else if (packet->key == KEY_NESTED) {
        (void)sys_event_signal(server->event, NESTED_DONE, 0);
        nested_collect(server);
    } else if (packet->key < SERVER_KEYS && server->program->notice != NULL) {
        SERVER_STEP(server, server->program->notice(server, packet));
    }
}

static void take(struct server *server, const struct packet *packet) {
    server->die.message = 0; // a notice is no part of the call before it
    switch (packet->kind) {
    case PACKET_CALL:
        if (server->returning && (packet->flags & PACKET_RETRY) == 0) {
            server->returning = false; // the kernel puts those that come again first
            replies_returned(&server->vault);
        }
        request_take(server, packet);
        break;
    case PACKET_CANCELLED:
        request_cancel(server, packet);
        break;
    case PACKET_QUARANTINED:
        quarantined(server, packet);
        break;
    case PACKET_PEER_CLOSED:
        if (server->program->closed != NULL) {
            SERVER_STEP(server, server->program->closed(server, packet->key));
        }
        break;
    default:
        notice(server, packet);
        break;
    }
}

static void settle(struct server *server) {
    server->settling = false;
    replies_settle(&server->vault);
    intents_settle(server);
    blame_settle(server);
}

status_t loop_turn(struct server *server) {
    struct request *request = next_answer(server);
    bool hands_over = holds_handles(request);
    bool lingers = hands_over && server->program->handed_over != NULL;
    bool poll = server->settling || !list_empty(&server->outbox) || (hands_over && !lingers);
    uint64_t token = request != NULL ? request->packet.token : 0;
    int64_t status = sys_port_reply_wait(server->port, token, poll ? 0 : INSTANT_NEVER, 0);
    if (status == ERR_BAD_STATE || (request == NULL && status == ERR_BAD_HANDLE)) {
        return ERR_BAD_STATE;
    }
    if (!answer_judge(server, status)) {
        return OK;
    }
    if (lingers) {
        SERVER_STEP(server, server->program->handed_over(server));
    }
    if (status == OK) {
        take(server, &thread_block()->packet);
    } else if (server->settling) {
        settle(server);
    }
    requests_run(server);
    return OK;
}
