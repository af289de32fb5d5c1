// SPDX-License-Identifier: MIT

#include <server/inspect.h>

#include "vault_internal.h"

#include <sys/calls.h>

static uint32_t count_replies(const struct reply_record *replies, uint32_t from, uint32_t to) {
    uint32_t count = 0;
    for (uint32_t i = from; i < to; i++) {
        count += replies[i].head.used != 0;
    }
    return count;
}

static uint32_t count_suspects(const struct vault_state *state) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < VAULT_SUSPECTS; i++) {
        count += state->suspects[i].id.thread != 0;
    }
    return count;
}

// Whether the sizes can be meant: so that no sum of them wraps.
static bool sizes_sane(const struct vault_sizes *sizes) {
    const uint32_t most = 1u << 24;
    return sizes->undo_bytes <= most && sizes->calls_max <= most && sizes->forwarded_max <= most &&
           sizes->intents_max <= most && sizes->table_count <= VAULT_TABLES_MAX;
}

status_t vault_summarize(const void *memory, size_t bytes, struct vault_summary *summary) {
    const struct vault_state *state = memory;
    if (bytes < VAULT_STATE_BYTES || state->magic != VAULT_MAGIC ||
        state->check != vault_header_check(state)) {
        return ERR_CORRUPT;
    }
    const struct vault_sizes sizes = state->sizes;
    struct vault_places places;
    if (!sizes_sane(&sizes)) {
        return ERR_CORRUPT;
    }
    vault_place(&sizes, &places);
    if (places.bytes > bytes) {
        return ERR_CORRUPT;
    }
    const uint8_t *base = memory;
    const struct reply_record *replies = (const struct reply_record *)(base + places.replies);
    const struct intent_record *intents = (const struct intent_record *)(base + places.intents);
    *summary = (struct vault_summary){
        .service = state->service,
        .version = state->version,
        .generation = state->generation,
        .messages = state->messages,
        .direct = count_replies(replies, 0, places.reply_direct),
        .forwarded = count_replies(replies, places.reply_direct, places.reply_count),
        .suspects = count_suspects(state),
    };
    for (uint32_t i = 0; i < sizes.intents_max; i++) {
        summary->intents += intents[i].used != 0;
    }
    return OK;
}

status_t vault_inspect(handle_t vmo, struct vault_summary *summary) {
    struct vmo_info info;
    status_t status = sys_object_get(vmo, &info, sizeof(info));
    if (status != OK) {
        return status;
    }
    int64_t addr = sys_aspace_map(HANDLE_NONE, vmo, 0, 0, info.size_bytes, MAP_READ);
    if (addr < 0) {
        return (status_t)addr;
    }
    status = vault_summarize((const void *)addr, info.size_bytes, summary);
    // Fails only for what was not mapped.
    (void)!sys_aspace_unmap(HANDLE_NONE, (vaddr_t)addr, info.size_bytes);
    return status;
}
