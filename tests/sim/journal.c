// SPDX-License-Identifier: MIT

#include "journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "world.h"

#define ITEMS_MAX 65536
#define NOWHERE UINT32_MAX

enum fate { FATE_BEGUN, FATE_PUT, FATE_REFUSED, FATE_UNKNOWN };

static struct item {
    uint64_t source;
    uint32_t put_at, taken_at; // positions
    enum fate fate;
} items[ITEMS_MAX];
static uint32_t at_position[ITEMS_MAX];  // item that was taken there
static uint32_t put_position[ITEMS_MAX]; // item that was put there
static uint32_t item_count, positions;
static struct {
    uint64_t from, to; // one of these positions, `to` not included, may be gone with it
} takers_gone[ITEMS_MAX];
static uint32_t taker_count;

void journal_clear(void) {
    memset(at_position, 0, positions * sizeof(at_position[0]));
    memset(put_position, 0, positions * sizeof(put_position[0]));
    item_count = positions = taker_count = 0;
}

uint64_t journal_begin(uint64_t source) {
    if (item_count + 1 == ITEMS_MAX) {
        world_fail("the journal is full");
        return 1;
    }
    items[++item_count] = (struct item){
        .source = source,
        .put_at = NOWHERE,
        .taken_at = NOWHERE,
        .fate = FATE_BEGUN,
    };
    return item_count;
}

static bool position_fits(uint64_t position) {
    if (position >= ITEMS_MAX) {
        world_fail("an item has position %lu", position);
        return false;
    }
    positions = position >= positions ? (uint32_t)position + 1 : positions;
    return true;
}

void journal_put(uint64_t item, uint64_t position) {
    if (!position_fits(position)) {
        return;
    }
    if (put_position[position] != 0) {
        world_fail("items %u and %lu were both put at %lu", put_position[position], item, position);
    }
    sim_tell("item %lu put at %lu", item, position);
    put_position[position] = (uint32_t)item;
    items[item].put_at = (uint32_t)position;
    items[item].fate = FATE_PUT;
}

void journal_refused(uint64_t item) {
    items[item].fate = FATE_REFUSED;
    if (items[item].taken_at != NOWHERE) {
        world_fail("item %lu was taken, but its put was not done", item);
    }
}

void journal_unknown(uint64_t item) {
    items[item].fate = FATE_UNKNOWN;
}

void journal_taken(uint64_t source, uint64_t item, uint64_t position) {
    if (!position_fits(position)) {
        return;
    }
    if (item == 0 || item > item_count || items[item].source != source) {
        world_fail("an item was taken that nobody has put: %lu of %lu", item, source);
        return;
    }
    if (items[item].taken_at != NOWHERE || at_position[position] != 0) {
        world_fail("item %lu was taken twice, or another at %lu", item, position);
    }
    if (items[item].fate == FATE_REFUSED) {
        world_fail("item %lu was taken, but its put was not done", item);
    }
    sim_tell("item %lu taken at %lu", item, position);
    items[item].taken_at = (uint32_t)position;
    at_position[position] = (uint32_t)item;
}

void journal_taker_gone(uint64_t taken, uint64_t put) {
    sim_tell("a taker goes, %lu to %lu are in the queue", taken, put);
    takers_gone[taker_count % ITEMS_MAX].from = taken;
    takers_gone[taker_count++ % ITEMS_MAX].to = put;
}

// Finds a taker that may have gone with the item of a position, the one whose range ends first, and
// uses it up. Asked for positions in rising order, this finds one for each if that is possible at
// all.
static bool gone_with_taker(uint64_t position) {
    uint32_t best = ITEMS_MAX;
    for (uint32_t i = 0; i < taker_count && i < ITEMS_MAX; i++) {
        if (takers_gone[i].from <= position && position < takers_gone[i].to &&
            (best == ITEMS_MAX || takers_gone[i].to < takers_gone[best].to)) {
            best = i;
        }
    }
    if (best == ITEMS_MAX) {
        return false;
    }
    takers_gone[best].to = 0;
    return true;
}

static void check_taken(void) {
    for (uint32_t position = 0; position < positions; position++) {
        uint32_t number = put_position[position];
        const struct item *item = &items[number];
        if (number == 0 || at_position[position] == number) {
            continue;
        }
        if (at_position[position] != 0) {
            world_fail("item %u was put at %u, but %u was taken there", number, position,
                       at_position[position]);
        } else if (item->taken_at != NOWHERE) {
            world_fail("item %u was put at %u and taken at %u", number, position, item->taken_at);
        } else if (!gone_with_taker(position)) {
            world_fail("item %u was put at %u and is lost", number, position);
        }
    }
}

void journal_check(void) {
    check_taken();
    // Numbers of items rise with time, and a source puts one at a time.
    for (uint32_t position = 0; position < positions; position++) {
        const struct item *item = &items[at_position[position]];
        for (uint32_t before = position; before-- > 0 && before + 64 > position;) {
            const struct item *other = &items[at_position[before]];
            // What was put for a client that had died may come late.
            bool known = item->fate == FATE_PUT && other->fate == FATE_PUT;
            if (known && other > item && other->source == item->source) {
                world_fail("items %u and %u of a source came out of order", at_position[before],
                           at_position[position]);
            }
        }
    }
}
