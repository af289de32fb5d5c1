// SPDX-License-Identifier: MIT
//
// Reply records: the answers of calls that are done, for the case that they are asked for again.
//
// How long is an answer needed? A call that came straight from its thread is held by the kernel
// until it is answered, and never comes again after that. So its record lives from the commit to
// the return of the port_reply_wait that sent the answer, and what a predecessor has left behind is
// of no use any more once all calls that it had taken have come back. It must be gone before a call
// is served that came later: its caller may have seen the answer, and that nobody but itself has a
// handle that it was given is part of it.
//
// A call that a forwarder makes for its thread is another matter: the forwarder may die with our
// answer in its hands, and its successor asks again, with the same id. It does so only while it
// serves that thread's call. So the record lives until a later call of the thread, whose stamp says
// that it has seen the answer (`acked`), or until the thread is dead and the queue was seen empty
// after that: what a forwarder sent before it could know is then served.
//
// Records of the two kinds have places of their own, so that neither can crowd out the other.

#include "vault_internal.h"

#include <sys/calls.h>

#define DOOM_BATCH 32u // records of which one heartbeat asks whether their thread lives

static uint32_t reply_check(const struct reply_head *head, const uint8_t *body) {
    const size_t from = offsetof(struct reply_head, forwarded);
    uint32_t check = crc32c(VAULT_MAGIC, &head->forwarded, sizeof(*head) - from);
    return crc32c(check, body, head->body_bytes);
}

static uint32_t index_of(const struct vault *vault, const struct reply_record *record) {
    return (uint32_t)(record - vault->replies);
}

static uint32_t *bucket_of(const struct vault *vault, uint64_t thread) {
    uint64_t mixed = thread * 0x9e3779b97f4a7c15;
    return &vault->buckets[(mixed >> 32) % REPLY_BUCKETS];
}

static void link_record(struct vault *vault, struct reply_record *record) {
    uint32_t *bucket = bucket_of(vault, record->head.id.thread);
    vault->index[index_of(vault, record)].next = *bucket;
    *bucket = index_of(vault, record) + 1;
    vault->forwarded_count += record->head.forwarded;
}

static void unlink_record(struct vault *vault, struct reply_record *record) {
    uint32_t *at = bucket_of(vault, record->head.id.thread);
    while (*at != index_of(vault, record) + 1) {
        at = &vault->index[*at - 1].next;
    }
    *at = vault->index[index_of(vault, record)].next;
    vault->forwarded_count -= record->head.forwarded;
}

static void add_free(struct vault *vault, uint32_t index) {
    uint32_t *chain = &vault->reply_free[index >= vault->reply_direct];
    vault->index[index] = (struct reply_index){.next = *chain};
    *chain = index + 1;
}

// Why a record can't be believed, null when it can.
static const char *judge(const struct vault *vault, const struct reply_record *record) {
    if (record->head.used != 1 || record->head.body_bytes > MESSAGE_BODY_BYTES ||
        record->head.handle_count > MESSAGE_HANDLES ||
        record->head.check != reply_check(&record->head, record->body)) {
        return "check";
    }
    bool forwarded = index_of(vault, record) >= vault->reply_direct;
    if (record->head.forwarded != forwarded || record->head.id.thread == 0 ||
        record->head.step > vault->committed) {
        return "values";
    }
    return reply_find(vault, &record->head.id) != NULL ? "another of the same call" : NULL;
}

void replies_adopt(struct vault *vault, struct reply_index *index, uint32_t *buckets) {
    vault->index = index;
    vault->buckets = buckets;
    for (uint32_t i = vault->reply_count; i-- > 0;) {
        struct reply_record *record = &vault->replies[i];
        const char *why = record->head.used == 0 ? NULL : judge(vault, record);
        if (why != NULL) {
            vault_drop(vault, &record->head.used, "replies", i, why);
        }
        if (record->head.used == 0) {
            add_free(vault, i);
        } else {
            link_record(vault, record);
            vault->index[i].inherited = true;
        }
    }
}

struct reply_record *reply_find(const struct vault *vault, const struct call_id *id) {
    uint32_t at = *bucket_of(vault, id->thread);
    while (at != 0) {
        if (call_id_equal(&vault->replies[at - 1].head.id, id)) {
            return &vault->replies[at - 1];
        }
        at = vault->index[at - 1].next;
    }
    return NULL;
}

bool reply_room(const struct vault *vault, bool forwarded) {
    return vault->reply_free[forwarded] != 0;
}

void reply_write(struct vault *vault, const struct step_reply *reply) {
    const struct message *answer = reply->answer;
    uint32_t *chain = &vault->reply_free[reply->forwarded];
    uint32_t index = *chain - 1;
    *chain = vault->index[index].next;
    struct reply_record *record = &vault->replies[index];
    struct reply_head head = {
        .forwarded = reply->forwarded,
        .handle_count = answer->handle_count,
        .id = reply->id,
        .step = vault->committed + 1,
        .hash = reply->hash,
        .op = answer->op,
        .body_bytes = answer->body_bytes,
    };
    for (uint32_t i = 0; i < answer->handle_count; i++) {
        head.handles[i] = answer->handles[i];
    }
    head.check = reply_check(&head, answer->body);
    vault_store(&record->head, &head, sizeof(head));
    vault_store(record->body, answer->body, answer->body_bytes);
    vault_store_16(&record->head.used, 1);
    link_record(vault, record);
    vault->reply = record;
}

void reply_free(struct vault *vault, struct reply_record *record) {
    unlink_record(vault, record);
    vault_store_16(&record->head.used, 0);
    add_free(vault, index_of(vault, record));
    for (uint32_t i = 0; i < record->head.handle_count; i++) {
        // One that was revoked meanwhile is gone already.
        (void)!sys_handle_close(record->head.handles[i]);
    }
}

void reply_claim(struct vault *vault, const struct reply_record *record) {
    vault->index[index_of(vault, record)].users++;
}

void reply_release(struct vault *vault, struct reply_record *record) {
    struct reply_index *index = &vault->index[index_of(vault, record)];
    index->users--;
    if (index->users == 0 && !record->head.forwarded) {
        reply_free(vault, record);
    }
}

void replies_acked(struct vault *vault, uint64_t thread, uint64_t acked) {
    uint32_t at = vault->forwarded_count == 0 ? 0 : *bucket_of(vault, thread);
    while (at != 0) {
        struct reply_record *record = &vault->replies[at - 1];
        bool seen = record->head.forwarded && record->head.id.thread == thread &&
                    record->head.id.call_number <= acked && vault->index[at - 1].users == 0;
        at = vault->index[at - 1].next;
        if (seen) {
            reply_free(vault, record);
        }
    }
}

bool replies_doom(struct vault *vault) {
    bool any = false;
    uint32_t forwarded = vault->reply_count - vault->reply_direct;
    for (uint32_t i = 0; i < DOOM_BATCH && i < forwarded; i++) {
        uint32_t at = vault->reply_direct + vault->doom_next;
        vault->doom_next = vault->doom_next + 1 < forwarded ? vault->doom_next + 1 : 0;
        if (vault->replies[at].head.used != 0 && !vault->index[at].doomed) {
            vault->index[at].doomed = sys_object_alive(vault->replies[at].head.id.thread) == 0;
            any |= vault->index[at].doomed;
        }
    }
    return any;
}

void replies_returned(struct vault *vault) {
    for (uint32_t i = 0; i < vault->reply_direct; i++) {
        struct reply_record *record = &vault->replies[i];
        const struct reply_index *index = &vault->index[i];
        if (record->head.used != 0 && index->users == 0 && index->inherited) {
            reply_free(vault, record);
        }
    }
}

void replies_settle(struct vault *vault) {
    replies_returned(vault);
    for (uint32_t i = vault->reply_direct; i < vault->reply_count; i++) {
        struct reply_record *record = &vault->replies[i];
        if (record->head.used != 0 && vault->index[i].users == 0 && vault->index[i].doomed) {
            reply_free(vault, record);
        }
    }
}
