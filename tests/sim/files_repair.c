// SPDX-License-Identifier: MIT
//
// Records of tmpfsd's vault that somebody has spoilt while it was dead, with files open. What is
// left must fit together: everything that is listed is there, counts are right, and when all is
// removed and closed nothing is left over.

#include <fstest/script.h>
#include <inttypes.h>
#include <proto/fs_client.h>
#include <stdio.h>
#include <string.h>
#include <sys/calls.h>

#include "../../lib/server/vault_internal.h"
#include "cases.h"
#include "clients.h"
#include "files.h"
#include "log.h"

#define STEPS 150
#define SPOILT_MAX 6
#define TABLE_INODES 1
#define TABLES 4
#define RECORDS_AT_LEAST 2 // of an empty tree: its state, and the root
#define DEPTH_MAX 32

static struct script script;
static bool may_end, has_played;
static char window[8192];

static void expect(const char *what, int64_t got, int64_t wanted) {
    if (got != wanted) {
        world_fail("%s: %" PRId64 ", not %" PRId64, what, got, wanted);
    }
}

// Leaves a tree, and files open, until it may end.
static void player(void *argument) {
    (void)argument;
    script_begin(&script, CHANNEL_FILES, "home", script.random);
    while (script.steps < STEPS && script_step(&script)) {
    }
    has_played = true;
    while (!may_end) {
        (void)!sys_thread_sleep(sim.now + MILLISECONDS(1), 0);
    }
    sim_die(EXIT_VOLUNTARY);
}

// Spoils a byte of a record in use, but of the root: without that all is lost, which is another
// rung of the ladder.
static void spoil_one(void) {
    uint8_t *base = world.services[TMPFSD].vault->memory;
    const struct vault_sizes sizes = ((const struct vault_state *)base)->sizes;
    struct vault_places places;
    vault_place(&sizes, &places);
    for (;;) {
        uint32_t table = TABLE_INODES + (uint32_t)sim_random(TABLES - TABLE_INODES);
        uint32_t index = (uint32_t)sim_random(sizes.tables[table].count);
        uint32_t bytes = sizes.tables[table].record_bytes;
        uint8_t *record = base + places.tables[table] + (size_t)index * bytes;
        bool root = table == TABLE_INODES && index == 0;
        if (!root && ((const struct vault_head *)record)->used == 1) {
            record[sim_random(bytes)] ^= (uint8_t)(1u << sim_random(8));
            return;
        }
    }
}

// ---- looking at what is left, and removing it

struct entry {
    char name[MODEL_NAME_BYTES + 1];
    uint8_t type;
    uint64_t inode;
};

// The first entry that is no dot. Returns whether there is one.
static bool first_entry(handle_t directory, struct entry *entry) {
    struct fs_list_request request = {0};
    struct fs_list_reply reply = {0};
    for (;;) {
        int64_t got = fs_list(directory, &request, &reply, window, sizeof(window), INSTANT_NEVER);
        if (got <= 0) {
            expect("list", got, 0);
            return false;
        }
        for (int64_t at = 0; at < got;) {
            uint16_t bytes;
            memcpy(&bytes, window + at + 16, sizeof(bytes));
            const char *name = window + at + 19;
            if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
                size_t length = strnlen(name, MODEL_NAME_BYTES);
                memcpy(entry->name, name, length);
                entry->name[length] = 0;
                entry->type = (uint8_t)window[at + 18];
                memcpy(&entry->inode, window + at, sizeof(entry->inode));
                return true;
            }
            at += bytes;
        }
        request.cursor = reply.cursor;
    }
}

static void clear(handle_t directory, uint32_t depth) {
    struct entry entry;
    while (!world_failed() && depth < DEPTH_MAX && first_entry(directory, &entry)) {
        struct fs_stat_request stat = {.flags = FS_FIND_NO_FOLLOW};
        struct fs_stat_reply found = {0};
        size_t bytes = strlen(entry.name);
        expect("stat of what was listed",
               fs_stat(directory, &stat, entry.name, bytes, &found, window, sizeof(window),
                       INSTANT_NEVER),
               OK);
        expect("its inode", (int64_t)found.attributes.inode, (int64_t)entry.inode);
        if (found.attributes.links == 0) {
            expect("its links", 0, 1);
        }
        bool is_directory = entry.type == FS_TYPE_DIRECTORY;
        if (is_directory) {
            struct fs_open_request open = {.flags = FS_OPEN_READ};
            struct fs_open_reply opened;
            handle_t inner[1] = {HANDLE_NONE};
            expect("open",
                   fs_open(directory, &open, entry.name, bytes, &opened, window, sizeof(window),
                           inner, INSTANT_NEVER),
                   OK);
            clear(inner[0], depth + 1);
            expect("stat",
                   fs_stat(inner[0], &stat, NULL, 0, &found, window, sizeof(window), INSTANT_NEVER),
                   OK);
            expect("links of an empty directory", found.attributes.links, 2);
            (void)!sys_handle_close(inner[0]);
        }
        struct fs_remove_request remove = {.directory = is_directory};
        struct fs_remove_reply removed;
        expect("remove",
               fs_remove(directory, &remove, entry.name, bytes, &removed, window, sizeof(window),
                         INSTANT_NEVER),
               OK);
    }
}

static void clear_all(void *argument) {
    struct fs_open_request open = {.flags = FS_OPEN_READ};
    struct fs_open_reply opened;
    handle_t root[1] = {HANDLE_NONE};
    (void)argument;
    expect("open",
           fs_open(CHANNEL_FILES, &open, NULL, 0, &opened, window, sizeof(window), root,
                   INSTANT_NEVER),
           OK);
    clear(root[0], 0);
    (void)!sys_handle_close(root[0]);
}

// ---- worlds

static void repair_world(uint64_t seed) {
    files_begin(seed);
    struct sim_table *table = sim_table_create();
    world_connect(table);
    struct sim_process *process = sim_process_create(table, false);
    may_end = has_played = false;
    script.random = seed;
    (void)sim_thread_create(process, player, NULL);
    while (!has_played && world_step()) {
    }
    if (script.failure != NULL) {
        world_fail("%s", script.failure);
    }
    world.spoilt = true;
    world_kill(TMPFSD, EXIT_KILLED);
    for (uint64_t i = 1 + sim_random(SPOILT_MAX); i > 0 && !world_failed(); i--) {
        spoil_one();
    }
    // Half of the time the repair itself is cut off.
    if (sim_random(2) == 0) {
        world_plan(TMPFSD, 1 + sim_random(400), EXIT_KILLED);
    }
    (void)world_settle();
    may_end = true;
    while (!process->dead && world_step()) {
    }
    if (world_settle()) {
        outsider_run(clear_all, NULL);
    }
    if (world_settle()) {
        expect("records in use", files_records(), RECORDS_AT_LEAST);
    }
}

bool files_repair_run(const struct options *options) {
    char failure[400] = "";
    uint64_t worlds = 0, wanted = options->kills / 100;
    for (; worlds < wanted && failure[0] == '\0'; worlds++) {
        repair_world(options->seed + worlds);
        if (world_failed()) {
            snprintf(failure, sizeof(failure), "seed %" PRIu64 ": %s", options->seed + worlds,
                     world.failure);
            sim_log_show();
        }
        world_end();
    }
    printf("# files-repair: %" PRIu64 " vaults with spoilt records\n", worlds);
    return case_report("files-repair", failure);
}
