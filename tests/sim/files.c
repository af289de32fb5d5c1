// SPDX-License-Identifier: MIT
//
// tmpfsd in a world of its own: clients that play the script of lib/fstest while it dies, at each
// word that it stores, at each native call, and in the middle of copies. Each client compares every
// answer with its model, and the whole tree at the end; then nothing may be left over.

#include <fstest/script.h>
#include <inttypes.h>
#include <proto/fs_client.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/calls.h>

#include "../../lib/server/vault_internal.h"
#include "cases.h"
#include "clients.h"
#include "files.h"
#include "log.h"

#define CLIENTS 2
#define SCRIPTS 3
#define STEPS 90
#define STORM_STEPS 600
#define STUCK_NS SECONDS(60)
#define BLOCK 512
#define ARCHIVE_BYTES (24 * BLOCK)
#define FILE_BYTES 5000

static struct script scripts[CLIENTS];
static uint32_t script_steps;

// ---- records

static uint32_t records_before; // used when only the boot archive is there

uint32_t files_records(void) {
    const uint8_t *base = world.services[TMPFSD].vault->memory;
    const struct vault_sizes *sizes = &((const struct vault_state *)base)->sizes;
    struct vault_places places;
    uint32_t used = 0;
    vault_place(sizes, &places);
    for (uint32_t t = 0; t < sizes->table_count; t++) {
        for (uint32_t i = 0; i < sizes->tables[t].count; i++) {
            const uint8_t *record = base + places.tables[t] + i * sizes->tables[t].record_bytes;
            used += ((const struct vault_head *)record)->used != 0;
        }
    }
    return used;
}

// ---- the boot archive

static uint8_t archive[ARCHIVE_BYTES];

// Adds a header; returns where what follows it begins.
static size_t archive_add(size_t at, const char *path, char type, const char *link, size_t bytes) {
    char *header = (char *)archive + at;
    snprintf(header, 100, "%s", path);
    snprintf(header + 100, 8, "%07o", 0755);
    snprintf(header + 108, 8, "%07o", 0);
    snprintf(header + 116, 8, "%07o", 0);
    snprintf(header + 124, 12, "%011zo", bytes);
    snprintf(header + 136, 12, "%011o", 1234);
    header[156] = type;
    snprintf(header + 157, 100, "%s", link);
    memcpy(header + 257, "ustar\00000", 8);
    snprintf(header + 329, 8, "%07o", 1);
    snprintf(header + 337, 8, "%07o", 3);
    memset(header + 148, ' ', 8);
    unsigned sum = 0;
    for (uint32_t i = 0; i < BLOCK; i++) {
        sum += (uint8_t)header[i];
    }
    snprintf(header + 148, 8, "%06o", sum);
    return at + BLOCK;
}

static void archive_make(void) {
    size_t at = archive_add(0, "root/bin/", '5', "", 0);
    at = archive_add(at, "root/bin/box", '0', "", FILE_BYTES);
    for (uint32_t i = 0; i < FILE_BYTES; i++) {
        archive[at + i] = (uint8_t)(i * 7);
    }
    at += (FILE_BYTES + BLOCK - 1) / BLOCK * BLOCK;
    at = archive_add(at, "root/bin/sh", '2', "box", 0);
    at = archive_add(at, "root/bin/box2", '1', "root/bin/box", 0);
    at = archive_add(at, "root/dev/null", '3', "", 0);
    at = archive_add(at, "sbin/other", '0', "", 0);
    (void)archive_add(at, "root/empty", '0', "", 0);
}

void files_begin(uint64_t seed) {
    if (archive[0] == 0) {
        archive_make();
    }
    world_create_files(seed, archive, ARCHIVE_BYTES);
    world_ready();
}

// Makes the archive, and counts what it takes.
static void prepare(void) {
    files_begin(1);
    records_before = files_records();
    world_end();
}

static void expect(const char *what, int64_t got, int64_t wanted) {
    if (got != wanted) {
        world_fail("%s: %" PRId64 ", not %" PRId64, what, got, wanted);
    }
}

// All of the archive is there, once.
static void check_filled(void *argument) {
    static const struct {
        const char *path;
        uint32_t mode, links;
        uint64_t size;
    } wanted[] = {
        {"bin", FS_TYPE_DIRECTORY << 12 | 0755, 2, 0},
        {"/bin/box", FS_TYPE_REGULAR << 12 | 0755, 2, FILE_BYTES},
        {"bin/box2", FS_TYPE_REGULAR << 12 | 0755, 2, FILE_BYTES},
        {"bin/sh", FS_TYPE_LINK << 12 | 0777, 1, 3},
        {"dev/../dev/null", FS_TYPE_CHARACTER << 12 | 0755, 1, 0},
        {"empty", FS_TYPE_REGULAR << 12 | 0755, 1, 0},
        {"", FS_TYPE_DIRECTORY << 12 | 0755, 4, 0},
    };
    static uint8_t bytes[FILE_BYTES + 1];
    (void)argument;
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        struct fs_stat_request request = {.flags = FS_FIND_NO_FOLLOW};
        struct fs_stat_reply reply = {0};
        expect(wanted[i].path,
               fs_stat(CHANNEL_FILES, &request, wanted[i].path, strlen(wanted[i].path), &reply,
                       bytes, sizeof(bytes), INSTANT_NEVER),
               OK);
        expect("mode", reply.attributes.mode, wanted[i].mode);
        expect("links", reply.attributes.links, wanted[i].links);
        expect("size", (int64_t)reply.attributes.size, (int64_t)wanted[i].size);
    }
    struct fs_open_request open = {.flags = FS_OPEN_READ};
    struct fs_open_reply opened = {0};
    struct fs_read_request read = {.size = sizeof(bytes)};
    handle_t file[1] = {0};
    expect("open",
           fs_open(CHANNEL_FILES, &open, "bin/sh", 6, &opened, bytes, sizeof(bytes), file,
                   INSTANT_NEVER),
           OK);
    expect("read", fs_read(file[0], &read, bytes, sizeof(bytes), INSTANT_NEVER), FILE_BYTES);
    for (uint32_t i = 0; i < FILE_BYTES; i++) {
        if (bytes[i] != (uint8_t)(i * 7)) {
            expect("byte", i, -1);
        }
    }
    (void)!sys_handle_close(file[0]);
}

// ---- clients

static void client_main(void *argument) {
    struct script *script = argument;
    char home[] = "home0";
    home[4] = (char)('0' + (script - scripts));
    script_begin(script, CHANNEL_FILES, home, script->random);
    while (script->steps < script_steps && script_step(script)) {
    }
    if (script_compare(script)) {
        script_end(script, CHANNEL_FILES, home);
    }
    sim_die(EXIT_VOLUNTARY);
}

// Lets the clients play, and looks at what is left. Fails the world when something is wrong.
static void play(uint64_t seed, uint32_t players) {
    struct sim_process *processes[CLIENTS];
    for (uint32_t i = 0; i < players; i++) {
        struct sim_table *table = sim_table_create();
        world_connect(table);
        processes[i] = sim_process_create(table, false);
        scripts[i].random = seed * CLIENTS + i;
        (void)sim_thread_create(processes[i], client_main, &scripts[i]);
    }
    instant_t until = sim.now + STUCK_NS;
    uint32_t alive = players;
    while (alive != 0 && world_step()) {
        alive = 0;
        for (uint32_t i = 0; i < players; i++) {
            alive += !processes[i]->dead;
        }
        if (sim.now > until) {
            world_fail("a call is never answered");
        }
    }
    world.storm = false;
    for (uint32_t i = 0; i < players; i++) {
        if (scripts[i].failure != NULL) {
            world_fail("client %u, step %u: %s: %" PRId64 ", not %" PRId64 " (%s | %s)", i,
                       scripts[i].steps, scripts[i].failure, scripts[i].got, scripts[i].wanted,
                       scripts[i].path[0], scripts[i].path[1]);
        }
    }
    if (world_settle()) {
        outsider_run(check_filled, NULL);
        (void)world_settle();
        world_check_flat();
        expect("records in use", files_records(), records_before);
    }
}

// One world. `failure` says what went wrong in it.
static uint64_t run(uint64_t seed, uint64_t death, enum exit_cause cause, char failure[400]) {
    files_begin(seed);
    if (death != 0) {
        world_plan(TMPFSD, death, cause);
    }
    play(seed, 1);
    uint64_t points = world.services[TMPFSD].points;
    if (world_failed()) {
        snprintf(failure, 400, "script %" PRIu64 ", death at %" PRIu64 ": %s", seed, death,
                 world.failure);
        sim_log_show();
    }
    world_end();
    return points;
}

bool files_run(const struct options *options) {
    static const enum exit_cause causes[] = {EXIT_KILLED, EXIT_FAULT};
    char failure[400] = "";
    uint64_t runs = 0, points = 0;
    prepare();
    script_steps = STEPS;
    for (uint64_t seed = 1; seed <= SCRIPTS && failure[0] == '\0'; seed++) {
        points = run(seed, 0, EXIT_KILLED, failure);
        for (uint64_t n = 1; n <= points && failure[0] == '\0'; n += options->stride) {
            (void)run(seed, n, causes[runs % 2], failure);
            runs++;
        }
    }
    printf("# files: %" PRIu64 " deaths in scripts of %d operations, %" PRIu64 " points\n", runs,
           STEPS, points);
    return case_report("files", failure);
}

bool files_first_run(const struct options *options) {
    char failure[400] = "";
    uint64_t runs = 0, points = 1;
    prepare();
    script_steps = 3;
    for (uint64_t n = 0; n <= points && failure[0] == '\0'; n += options->stride) {
        world_create_files(7, archive, ARCHIVE_BYTES);
        if (n != 0) {
            world_plan(TMPFSD, n, EXIT_KILLED);
        }
        bool good = world_settle();
        points = n == 0 ? world.services[TMPFSD].points : points;
        if (good) {
            world.services[TMPFSD].baseline = world.services[TMPFSD].process->table->used;
            play(7, 1);
        }
        if (world_failed()) {
            snprintf(failure, sizeof(failure), "death at %" PRIu64 ": %s", n, world.failure);
            sim_log_show();
        }
        world_end();
        runs++;
    }
    printf("# files-first: %" PRIu64 " deaths\n", runs - 1);
    return case_report("files-first", failure);
}

bool files_storm_run(const struct options *options) {
    char failure[400] = "";
    uint64_t kills = 0, calls = 0, worlds = 0;
    prepare();
    script_steps = STORM_STEPS;
    while (kills < options->kills / 2 && failure[0] == '\0') {
        uint64_t seed = options->seed + worlds++;
        files_begin(seed);
        world.storm = true;
        sim.trace = options->verbose;
        play(seed, CLIENTS);
        kills += world.kills;
        calls += scripts[0].calls + scripts[1].calls;
        if (world_failed()) {
            snprintf(failure, sizeof(failure), "seed %" PRIu64 ": %s", seed, world.failure);
            sim_log_show();
        }
        world_end();
    }
    printf("# files-storm: %" PRIu64 " kills in %" PRIu64 " worlds, %" PRIu64 " calls answered\n",
           kills, worlds, calls);
    return case_report("files-storm", failure);
}
