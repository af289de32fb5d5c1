// SPDX-License-Identifier: MIT
//
// Intents: what nested calls a request in service has begun, so that a successor makes the very
// same ones. An intent lives as long as its request is in service, over all instances.

#include "vault_internal.h"

static uint32_t intent_check(const struct intent_record *intent) {
    const size_t from = offsetof(struct intent_record, id);
    return crc32c(VAULT_FORMAT, &intent->id, sizeof(*intent) - from);
}

void intents_adopt(struct vault *vault) {
    for (uint32_t i = 0; i < vault->layout->intents_max; i++) {
        struct intent_record *intent = &vault->intents[i];
        if (intent->used != 0 && (intent->used != 1 || intent->check != intent_check(intent))) {
            vault_drop(vault, &intent->used, "intents", i, "check");
        }
    }
}

status_t intent_note(struct vault *vault, const struct call_id *id, uint64_t hash) {
    struct intent_record *place = NULL;
    for (uint32_t i = 0; i < vault->layout->intents_max; i++) {
        struct intent_record *intent = &vault->intents[i];
        if (intent->used == 0) {
            place = place == NULL ? intent : place;
        } else if (call_id_equal(&intent->id, id)) {
            return intent->hash == hash ? OK : ERR_BAD_STATE;
        }
    }
    if (place == NULL) {
        return ERR_LIMIT;
    }
    struct intent_record made = {.id = *id, .hash = hash};
    made.check = intent_check(&made);
    vault_store(place, &made, sizeof(made));
    vault_store_16(&place->used, 1);
    return OK;
}

// Whether a nested call belongs to a request.
static bool is_nested_of(const struct call_id *nested, const struct call_id *id) {
    return nested->thread == id->thread && nested->call_number == id->call_number &&
           nested->sub >> 8 == id->sub;
}

void intents_free(struct vault *vault, const struct call_id *id) {
    for (uint32_t i = 0; i < vault->layout->intents_max; i++) {
        struct intent_record *intent = &vault->intents[i];
        if (intent->used != 0 && is_nested_of(&intent->id, id)) {
            vault_store_16(&intent->used, 0);
        }
    }
}

// Whether a call that is in service has begun this one.
static bool is_wanted(const struct server *server, const struct intent_record *intent) {
    for (uint32_t i = 0; i < server->request_top; i++) {
        const struct request *request = &server->requests[i];
        struct call_id id = request_id(request);
        if (request->state != REQUEST_FREE && is_nested_of(&intent->id, &id)) {
            return true;
        }
    }
    return false;
}

void intents_settle(struct server *server) {
    struct vault *vault = &server->vault;
    for (uint32_t i = 0; i < vault->layout->intents_max; i++) {
        struct intent_record *intent = &vault->intents[i];
        if (intent->used != 0 && !is_wanted(server, intent)) {
            vault_store_16(&intent->used, 0);
        }
    }
}
