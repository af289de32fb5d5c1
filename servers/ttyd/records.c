// SPDX-License-Identifier: MIT
//
// The vault of ttyd, and the working copies of its terminals.

#include "ttyd.h"

#include <abi/objects.h>
#include <sys/string.h>

static bool terminal_check(uint32_t index, const void *record) {
    const struct discipline *discipline = &((const struct terminal_record *)record)->discipline;
    (void)index;
    return discipline->head - discipline->tail <= LINE_CELLS &&
           discipline->out_head - discipline->out_tail <= OUT_BYTES;
}

static bool description_check(uint32_t index, const void *record) {
    const struct description_record *description = record;
    return description->key % DESCRIPTIONS_MAX == index && description->terminal < TERMINALS_MAX;
}

static bool line_check(uint32_t index, const void *record) {
    const struct line_record *line = record;
    (void)index;
    bool power = (line->ring_bytes & (line->ring_bytes - 1)) == 0;
    uint32_t room = line->vmo_bytes - line->ring_bytes;
    return power && line->ring_bytes >= DEVICE_RING_MIN_BYTES &&
           line->ring_bytes <= DEVICE_RING_MAX_BYTES && line->vmo_bytes > line->ring_bytes &&
           line->tx_data <= room && line->rx_data <= room && line->tx_index <= room &&
           line->rx_index <= room;
}

static const struct vault_table tables[] = {
    [TABLE_STATE] = {.name = "state",
                     .record_bytes = sizeof(struct state_record),
                     .count = 1,
                     .handles = {{offsetof(struct state_record, out), OBJECT_VMO},
                                 {offsetof(struct state_record, processes), OBJECT_VMO},
                                 {offsetof(struct state_record, leaders), OBJECT_EVENT}}},
    [TABLE_LINE] = {.name = "line",
                    .record_bytes = sizeof(struct line_record),
                    .count = 1,
                    .handles = {{offsetof(struct line_record, rings), OBJECT_VMO},
                                {offsetof(struct line_record, bell), OBJECT_EVENT},
                                {offsetof(struct line_record, news), OBJECT_EVENT}},
                    .check = line_check},
    [TABLE_TERMINALS] = {.name = "terminals",
                         .record_bytes = sizeof(struct terminal_record),
                         .count = TERMINALS_MAX,
                         .check = terminal_check},
    [TABLE_CELLS] = {.name = "cells",
                     .record_bytes = sizeof(struct piece_record),
                     .count = TERMINALS_MAX * PIECES},
    [TABLE_DESCRIPTIONS] = {.name = "descriptions",
                            .record_bytes = sizeof(struct description_record),
                            .count = DESCRIPTIONS_MAX,
                            .handles = {{offsetof(struct description_record, endpoint),
                                         OBJECT_ENDPOINT}},
                            .check = description_check},
    [TABLE_ORDERS] = {.name = "orders",
                      .record_bytes = sizeof(struct order_record),
                      .count = ORDERS_MAX},
    [TABLE_SERVICE] = {.name = "service",
                       .record_bytes = sizeof(struct service_record),
                       .count = 1,
                       .handles = {{offsetof(struct service_record, client), OBJECT_CHANNEL},
                                   {offsetof(struct service_record, endpoint), OBJECT_ENDPOINT}}},
};

const struct vault_layout ttyd_layout = {
    .service = 0x44595454, // "TTYD"
    .version = 1,
    .undo_bytes = 16384, // all cells of a terminal may change in one step
    .calls_max = 256,
    .table_count = 7,
    .tables = tables,
};

const struct state_record *state_of(struct ttyd *ttyd) {
    return vault_record(&ttyd->server.vault, TABLE_STATE, 0);
}

const struct line_record *line_of(struct ttyd *ttyd) {
    return vault_record(&ttyd->server.vault, TABLE_LINE, 0);
}

// ---- terminals

static const struct piece_record *piece_of(struct ttyd *ttyd, uint32_t index, uint32_t piece) {
    return vault_record(&ttyd->server.vault, TABLE_CELLS, index * PIECES + piece);
}

static void load(struct ttyd *ttyd, uint32_t index, struct terminal *terminal) {
    static uint16_t cells[TERMINALS_MAX][LINE_CELLS]; // pages are there once they are used
    terminal->state = terminal->record->discipline;
    terminal->view = (struct discipline_view){
        .state = &terminal->state,
        .cells = cells[index],
        .out = ttyd->out + (size_t)index * OUT_BYTES,
        .floor = terminal->state.out_tail,
    };
    const struct discipline *state = &terminal->state;
    for (uint32_t at = state->tail; at != state->head;) {
        uint32_t piece = at % LINE_CELLS / PIECE_CELLS;
        memcpy(&cells[index][piece * PIECE_CELLS], piece_of(ttyd, index, piece)->cells,
               sizeof(uint16_t) * PIECE_CELLS);
        uint32_t step = PIECE_CELLS - at % PIECE_CELLS;
        at += step < state->head - at ? step : state->head - at;
    }
    terminal->loaded = true;
}

struct terminal *terminal_get(struct ttyd *ttyd, uint32_t index) {
    struct terminal *terminal = &ttyd->terminals[index];
    terminal->record = vault_record(&ttyd->server.vault, TABLE_TERMINALS, index);
    if (terminal->record->head.used == 0) {
        terminal->loaded = false;
        return NULL;
    }
    if (!terminal->loaded) {
        load(ttyd, index, terminal);
    }
    return terminal;
}

struct terminal *terminal_of(struct ttyd *ttyd, const struct description_record *description) {
    return terminal_get(ttyd, description->terminal);
}

void terminal_change(struct ttyd *ttyd, struct terminal *terminal) {
    ttyd->changed |= 1U << terminal_index(ttyd, terminal);
}

// Stores the cells of one record that differ.
static void store_piece(struct ttyd *ttyd, const struct terminal *terminal, uint32_t number) {
    const struct piece_record *piece = piece_of(ttyd, terminal_index(ttyd, terminal), number);
    const uint16_t *cells = &terminal->view.cells[number * PIECE_CELLS];
    uint32_t first = 0, end = PIECE_CELLS;
    while (first < end && piece->cells[first] == cells[first]) {
        first++;
    }
    while (end > first && piece->cells[end - 1] == cells[end - 1]) {
        end--;
    }
    struct vault *vault = &ttyd->server.vault;
    if (piece->head.used == 0) {
        vault_set(vault, &piece->head.used, 1);
    }
    if (first < end) {
        vault_set_bytes(vault, &piece->cells[first], &cells[first],
                        (end - first) * sizeof(uint16_t));
    }
}

void terminal_store(struct ttyd *ttyd, struct terminal *terminal) {
    for (uint32_t i = 0; i < PIECES; i++) {
        if ((terminal->view.touched & 1U << i) != 0) {
            store_piece(ttyd, terminal, i);
        }
    }
    terminal->view.touched = 0;
    const struct discipline *kept = &terminal->record->discipline;
    if (memcmp(kept, &terminal->state, sizeof(*kept)) != 0) {
        vault_set_bytes(&ttyd->server.vault, kept, &terminal->state, sizeof(*kept));
    }
}

void terminals_forget(struct ttyd *ttyd) {
    for (uint32_t i = 0; i < TERMINALS_MAX; i++) {
        if ((ttyd->changed & 1U << i) != 0) {
            ttyd->terminals[i].loaded = false;
        }
    }
    ttyd->changed = 0;
}

void terminal_wake(struct ttyd *ttyd, const struct terminal *terminal, enum what what) {
    server_wake(&ttyd->server, condition(ttyd, terminal, what));
}

void terminal_wake_all(struct ttyd *ttyd, const struct terminal *terminal) {
    for (int what = WAIT_READ; what <= WAIT_MASTER_WRITE; what++) {
        terminal_wake(ttyd, terminal, (enum what)what);
    }
}

// ---- descriptions

const struct description_record *description_at(struct ttyd *ttyd, uint32_t index) {
    const struct description_record *description =
        vault_record(&ttyd->server.vault, TABLE_DESCRIPTIONS, index);
    return description->head.used != 0 ? description : NULL;
}

const struct description_record *description_find(struct ttyd *ttyd, uint64_t key) {
    const struct description_record *description =
        description_at(ttyd, (uint32_t)(key % DESCRIPTIONS_MAX));
    return key != 0 && description != NULL && description->key == key ? description : NULL;
}
