// SPDX-License-Identifier: MIT
//
// Which request made the server crash, as far as the kernel can't know it.
//
// The kernel blames the call that the faulting thread took last. That is right for a handler that
// runs when its call is taken. A handler that runs again later (its condition came true, its nested
// call was answered) runs while no call, or another one, was taken last. So the vault names the
// request being served; after a crash its successor counts, and at two it refuses the request with
// ERR_QUARANTINED, as the kernel does. The supervisor's word (after=fault, after=hang) says whether
// it was a crash.

#include "vault_internal.h"

#include <sys/log.h>
#include <sys/start.h>

static uint32_t suspect_check(const struct suspect *suspect) {
    return crc32c(VAULT_FORMAT, suspect, offsetof(struct suspect, check));
}

static void suspect_store(struct vault *vault, struct suspect *place, const struct call_id *id,
                          uint32_t crashes) {
    vault->suspect_count += place->id.thread == 0;
    struct suspect made = {.id = *id, .crashes = crashes};
    made.check = suspect_check(&made);
    vault_store(place, &made, sizeof(made));
}

static void suspect_erase(struct vault *vault, struct suspect *place) {
    vault_store_64(&place->id.thread, 0);
    vault->suspect_count--;
}

static struct suspect *suspect_find(const struct vault *vault, const struct call_id *id) {
    for (uint32_t i = 0; i < VAULT_SUSPECTS && vault->suspect_count != 0; i++) {
        struct suspect *suspect = &vault->state->suspects[i];
        if (suspect->id.thread != 0 && call_id_equal(&suspect->id, id)) {
            return suspect;
        }
    }
    return NULL;
}

// A place for a new suspect: a free one, else that of the least suspicious.
static struct suspect *suspect_place(const struct vault *vault) {
    struct suspect *best = &vault->state->suspects[0];
    for (uint32_t i = 0; i < VAULT_SUSPECTS; i++) {
        struct suspect *suspect = &vault->state->suspects[i];
        if (suspect->id.thread == 0) {
            return suspect;
        }
        best = suspect->crashes < best->crashes ? suspect : best;
    }
    return best;
}

void blame_adopt(struct vault *vault) {
    struct vault_state *state = vault->state;
    vault->suspect_count = 0;
    for (uint32_t i = 0; i < VAULT_SUSPECTS; i++) {
        vault->suspect_count += state->suspects[i].id.thread != 0;
        if (state->suspects[i].id.thread != 0 &&
            state->suspects[i].check != suspect_check(&state->suspects[i])) {
            suspect_erase(vault, &state->suspects[i]);
        }
    }
    const char *after = start_option("after");
    bool crashed = after != NULL && (strcmp(after, "fault") == 0 || strcmp(after, "hang") == 0);
    struct call_id id = state->serving;
    if (crashed && id.thread != 0) {
        struct suspect *known = suspect_find(vault, &id);
        uint32_t crashes = known != NULL ? known->crashes + 1 : 1;
        suspect_store(vault, known != NULL ? known : suspect_place(vault), &id, crashes);
        log_printf("crash number %u in call %lu of thread %lu", crashes, id.call_number, id.thread);
    }
    blame_served(vault);
}

uint32_t blame_crashes(const struct vault *vault, const struct call_id *id) {
    const struct suspect *suspect = suspect_find(vault, id);
    return suspect != NULL ? suspect->crashes : 0;
}

void blame_clear(struct vault *vault, const struct call_id *id) {
    struct suspect *suspect = suspect_find(vault, id);
    if (suspect != NULL) {
        suspect_erase(vault, suspect);
    }
}

void blame_settle(struct server *server) {
    for (uint32_t i = 0; i < VAULT_SUSPECTS; i++) {
        struct suspect *suspect = &server->vault.state->suspects[i];
        bool in_service = false;
        for (uint32_t j = 0; j < server->request_top && !in_service; j++) {
            const struct request *request = &server->requests[j];
            struct call_id id = request_id(request);
            in_service = request->state != REQUEST_FREE && call_id_equal(&suspect->id, &id);
        }
        if (suspect->id.thread != 0 && !in_service) {
            suspect_erase(&server->vault, suspect);
        }
    }
}

void blame_serving(struct vault *vault, const struct call_id *id) {
    vault_store_64(&vault->state->serving.call_number, id->call_number);
    vault_store_64(&vault->state->serving.sub, id->sub);
    vault_store_64(&vault->state->serving.thread, id->thread);
}

void blame_served(struct vault *vault) {
    vault_store_64(&vault->state->serving.thread, 0);
}
