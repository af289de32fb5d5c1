// SPDX-License-Identifier: MIT
//
// Where things lie in a vault, making one, and adopting one. The order of adoption: the fixed part
// of the header, the state of the step, the undo log, and only then the records, so that what was
// half changed is whole again before anybody looks at it.

#include "vault_internal.h"

#include <sys/log.h>

#define DROPS_LOGGED 8

static size_t align(size_t offset) {
    return (offset + VAULT_ALIGN - 1) & ~(size_t)(VAULT_ALIGN - 1);
}

void vault_place(const struct vault_sizes *sizes, struct vault_places *places) {
    // Of calls that came straight from their thread: twice what can be in service, because a
    // predecessor may have left as many that its successor has not seen again yet.
    places->reply_direct = 2 * (sizes->calls_max + 1);
    places->reply_count = places->reply_direct + sizes->forwarded_max;
    places->undo = VAULT_STATE_BYTES;
    places->replies = align(places->undo + sizes->undo_bytes);
    places->intents = align(places->replies + places->reply_count * sizeof(struct reply_record));
    size_t end = places->intents + sizes->intents_max * sizeof(struct intent_record);
    for (uint32_t i = 0; i < sizes->table_count; i++) {
        places->tables[i] = align(end);
        end = places->tables[i] + (size_t)sizes->tables[i].record_bytes * sizes->tables[i].count;
    }
    places->bytes = end;
}

static struct vault_sizes sizes_of(const struct vault_layout *layout) {
    struct vault_sizes sizes = {
        .undo_bytes = layout->undo_bytes,
        .calls_max = layout->calls_max,
        .forwarded_max = layout->forwarded_max,
        .intents_max = layout->intents_max,
        .table_count = layout->table_count,
    };
    for (uint32_t i = 0; i < layout->table_count; i++) {
        sizes.tables[i].record_bytes = layout->tables[i].record_bytes;
        sizes.tables[i].count = layout->tables[i].count;
    }
    return sizes;
}

size_t vault_bytes(const struct vault_layout *layout) {
    struct vault_sizes sizes = sizes_of(layout);
    struct vault_places places;
    vault_place(&sizes, &places);
    return places.bytes;
}

uint32_t vault_header_check(const struct vault_state *state) {
    const size_t from = offsetof(struct vault_state, format);
    return crc32c(VAULT_MAGIC, &state->format, offsetof(struct vault_state, begun) - from);
}

// Blank: never made, or the making of it was cut off.
static bool vault_is_blank(const struct vault_state *state) {
    const uint64_t *words = (const uint64_t *)state;
    if (state->magic == VAULT_FORMATTING) {
        return true;
    }
    for (size_t i = 0; i < VAULT_STATE_BYTES / sizeof(uint64_t); i++) {
        if (words[i] != 0) {
            return false;
        }
    }
    return true;
}

// Makes memory zero without touching pages that are: they may be absent, and cost nothing then.
static void zero_sparsely(uint8_t *memory, size_t bytes) {
    static const uint8_t zeros[PAGE_SIZE];
    while (bytes > 0) {
        size_t piece = bytes < PAGE_SIZE ? bytes : PAGE_SIZE;
        if (memcmp(memory, zeros, piece) != 0) {
            vault_zero(memory, piece);
        }
        memory += piece;
        bytes -= piece;
    }
}

static size_t table_bytes(const struct vault *vault, uint32_t table) {
    const struct vault_table *t = &vault->layout->tables[table];
    return (size_t)t->record_bytes * t->count;
}

// Zeroes all but the state, and the tables that are sparse: their records become zero when they
// get their memory, one after the other.
static void zero_records(struct vault *vault) {
    uint8_t *end = vault->base + VAULT_STATE_BYTES;
    for (uint32_t i = 0; i < vault->layout->table_count; i++) {
        zero_sparsely(end, (size_t)(vault->tables[i] - end));
        end = vault->tables[i];
        if (!vault->layout->tables[i].sparse) {
            zero_sparsely(end, table_bytes(vault, i));
        }
        end += table_bytes(vault, i);
    }
}

static void vault_format(struct vault *vault) {
    const uint32_t formatting = VAULT_FORMATTING;
    struct vault_state state = {
        .magic = VAULT_FORMATTING,
        .format = VAULT_FORMAT,
        .service = vault->layout->service,
        .version = vault->layout->version,
        .sizes = sizes_of(vault->layout),
        .begun = vault_seal(0),
        .committed = vault_seal(0),
        .undo_tail = vault_seal(0),
    };
    for (uint32_t i = 0; i < VAULT_TABLES_MAX; i++) {
        state.touched[i] = vault_seal(0);
    }
    state.check = vault_header_check(&state);
    vault_store(&vault->state->magic, &formatting, sizeof(formatting));
    zero_records(vault);
    vault_store(vault->state, &state, sizeof(state));
    state.magic = VAULT_MAGIC;
    vault_store(&vault->state->magic, &state.magic, sizeof(state.magic));
}

static status_t corrupt(const char *why) {
    log_printf("vault: %s", why);
    return ERR_CORRUPT;
}

static status_t header_verify(const struct vault *vault) {
    const struct vault_state *state = vault->state;
    struct vault_sizes sizes = sizes_of(vault->layout);
    if (state->magic != VAULT_MAGIC || state->check != vault_header_check(state)) {
        return corrupt("the header fails its check");
    }
    if (state->format != VAULT_FORMAT || state->service != vault->layout->service) {
        return corrupt("it is another service's");
    }
    if (state->version != vault->layout->version ||
        memcmp(&state->sizes, &sizes, sizeof(sizes)) != 0) {
        return corrupt("it has another version or layout");
    }
    return OK;
}

// How far the tables reach. A mark that fails its check is believed to be the highest possible.
static void touched_adopt(struct vault *vault) {
    for (uint32_t i = 0; i < vault->layout->table_count; i++) {
        uint64_t touched;
        uint32_t count = vault->layout->tables[i].count;
        bool good = vault_unseal(vault->state->touched[i], &touched) && touched <= count;
        vault->touched[i] = good ? (uint32_t)touched : count;
        vault->backed[i] = vault->layout->tables[i].sparse ? vault->touched[i] : count;
    }
}

// Brings the vault to the state after its last committed step.
static status_t step_adopt(struct vault *vault) {
    const struct vault_state *state = vault->state;
    uint64_t begun, committed, tail;
    if (!vault_unseal(state->begun, &begun) || !vault_unseal(state->committed, &committed) ||
        !vault_unseal(state->undo_tail, &tail)) {
        return corrupt("the state of the step fails its check");
    }
    if (begun - committed > 1 || tail > vault->layout->undo_bytes || tail % 8 != 0) {
        return corrupt("the state of the step makes no sense");
    }
    vault->report.fresh = committed == 0;
    vault->committed = committed;
    if (begun != committed) {
        vault->report.rolled_back = true;
        if (!undo_apply(vault, begun, (uint32_t)tail)) {
            log_printf("vault: an entry of the undo log fails its check");
            vault->report.dropped++;
        }
        for (uint32_t i = 0; i < vault->reply_count; i++) {
            if (vault->replies[i].head.used == 1 && vault->replies[i].head.step == begun) {
                vault_store_16(&vault->replies[i].head.used, 0);
            }
        }
        // The step stays begun: should this instance die before its own first step, the next one
        // undoes the same once more, and knows that there was something to undo.
    }
    return OK;
}

status_t vault_open(struct vault *vault, const struct vault_layout *layout, void *memory,
                    size_t bytes, bool reset) {
    struct vault_sizes sizes = sizes_of(layout);
    struct vault_places places;
    vault_place(&sizes, &places);
    if (bytes < places.bytes) {
        log_printf("vault: %zu bytes, %zu are needed", bytes, places.bytes);
        return ERR_OUT_OF_RANGE;
    }
    *vault = (struct vault){
        .layout = layout,
        .base = memory,
        .state = memory,
        .undo = (uint8_t *)memory + places.undo,
        .replies = (struct reply_record *)((uint8_t *)memory + places.replies),
        .reply_count = places.reply_count,
        .reply_direct = places.reply_direct,
        .intents = (struct intent_record *)((uint8_t *)memory + places.intents),
        .strict = true,
    };
    for (uint32_t i = 0; i < layout->table_count; i++) {
        vault->tables[i] = (uint8_t *)memory + places.tables[i];
    }
    if (reset || vault_is_blank(vault->state)) {
        if (vault->state->magic != 0) {
            log_printf("vault: starts empty");
        }
        vault_format(vault);
    }
    status_t status = header_verify(vault);
    status = status == OK ? step_adopt(vault) : status;
    if (status == OK) {
        touched_adopt(vault);
        tables_adopt(vault);
        if (vault->state->drops > vault->report.dropped) {
            vault->report.dropped = (uint32_t)vault->state->drops;
        }
        vault_store_64(&vault->state->generation, vault->state->generation + 1);
    }
    return status;
}

void vault_drop(struct vault *vault, uint16_t *used, const char *table, uint32_t index,
                const char *why) {
    if (vault->report.dropped++ < DROPS_LOGGED) {
        log_printf("vault: dropped record %u of %s: %s", index, table, why);
    }
    // First this: a successor that finds the record gone knows that there was one.
    vault_store_64(&vault->state->drops, vault->state->drops + 1);
    vault_store_16(used, 0);
}

// Sees to it that the first `wanted` records of a table have their memory. Goes a page at a time,
// so that most calls find it done.
static bool table_back(struct vault *vault, uint32_t table, uint32_t wanted) {
    const struct vault_table *t = &vault->layout->tables[table];
    while (vault->backed[table] < wanted) {
        size_t start = (size_t)(vault->tables[table] - vault->base);
        size_t from = start + (size_t)t->record_bytes * vault->backed[table];
        size_t to = start + (size_t)t->record_bytes * (vault->backed[table] + 1);
        uint32_t records = 1;
        while (to % PAGE_SIZE != 0 && to % PAGE_SIZE + t->record_bytes <= PAGE_SIZE &&
               vault->backed[table] + records < t->count) {
            to += t->record_bytes;
            records++;
        }
        if (vault->back == NULL) {
            zero_sparsely(vault->base + from, to - from);
        } else if (vault->back(vault, from, to - from) != OK) {
            return false;
        }
        vault->backed[table] += records;
    }
    return true;
}

bool vault_room(struct vault *vault, uint32_t table, uint32_t used, uint32_t more) {
    const struct vault_table *t = &vault->layout->tables[table];
    uint32_t free_below = vault_touched(vault, table) - used;
    if (more > t->count - used) {
        return false;
    }
    return more <= free_below ||
           table_back(vault, table, vault_touched(vault, table) + more - free_below);
}

int32_t vault_find_free(struct vault *vault, uint32_t table) {
    const struct vault_table *t = &vault->layout->tables[table];
    for (uint32_t index = vault->next_free[table]; index < t->count; index++) {
        const struct vault_head *head = vault_record(vault, table, index);
        if (index >= vault->backed[table] && !table_back(vault, table, index + 1)) {
            return -1;
        }
        if (head->used == 0) {
            vault->next_free[table] = index;
            return (int32_t)index;
        }
    }
    vault->next_free[table] = t->count;
    return -1;
}

bool vault_locate(const struct vault *vault, size_t offset, size_t bytes,
                  struct record_place *found) {
    // The tables lie one behind the other.
    const uint8_t *place = vault->base + offset;
    uint32_t table = 0;
    while (table + 1 < vault->layout->table_count && place >= vault->tables[table + 1]) {
        table++;
    }
    const struct vault_table *t = &vault->layout->tables[table];
    size_t at = (size_t)(place - vault->tables[table]); // huge when it lies before all of them
    uint32_t index = (uint32_t)(at / t->record_bytes);
    if (at >= (size_t)t->record_bytes * t->count) {
        return false;
    }
    uint32_t within = (uint32_t)(at % t->record_bytes);
    *found = (struct record_place){
        .table = table,
        .index = index,
        .within = within,
        .head = (struct vault_head *)(vault->base + (offset - within)),
    };
    return bytes <= t->record_bytes - within;
}
