// SPDX-License-Identifier: MIT
//
// The whole tree as tmpfsd tells it, against the model.

#include "script_internal.h"

#include <abi/libos.h>
#include <abi/status.h>
#include <proto/fs_client.h>
#include <sys/calls.h>
#include <sys/string.h>

#define LIST_WINDOW 700 // small: a directory takes several calls

static void check_target(struct script *script, handle_t base, const char *path,
                         const char *target) {
    struct fs_read_link_reply reply = {0};
    script->calls++;
    int64_t got = fs_read_link(base, path, strlen(path), &reply, script->window,
                               sizeof(script->window), DEADLINE);
    if (script_expect(script, "read_link", got, OK) &&
        script_expect(script, "bytes of the target", reply.bytes, (int64_t)strlen(target))) {
        script_check_bytes(script, "a byte of the target", (const uint8_t *)script->window,
                           (const uint8_t *)target, reply.bytes);
    }
}

// ---- the whole tree

static int32_t match_entry(const struct script *script, uint32_t directory, const char *name) {
    for (uint32_t i = 0; i < MODEL_ENTRIES; i++) {
        const struct model_entry *entry = &script->model.entries[i];
        if (entry->used && entry->directory == directory && entry->bytes == strlen(name) &&
            memcmp(entry->name, name, entry->bytes) == 0) {
            return (int32_t)i;
        }
    }
    return -1;
}

// Takes the records of one window. Returns how many.
static uint32_t take_records(struct script *script, uint32_t directory, int64_t bytes,
                             uint64_t *seen) {
    uint32_t count = 0;
    for (int64_t at = 0; at < bytes; count++) {
        const char *record = script->window + at;
        uint16_t length;
        memcpy(&length, record + 16, sizeof(length));
        const char *name = record + 19;
        if (length < 24 || length % 8 != 0 || at + length > bytes) {
            script_complain(script, "a record of a listing", length, at);
            return count;
        }
        at += length;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
            (void)script_expect(script, "type of a dot", record[18], FS_TYPE_DIRECTORY);
            continue;
        }
        int32_t entry = match_entry(script, directory, name);
        if (entry < 0 || (*seen >> entry & 1) != 0) {
            script_complain(script, "a name that should not be told", entry, directory);
            return count;
        }
        *seen |= (uint64_t)1 << entry;
        (void)script_expect(script, "type of an entry", record[18],
                            script->model.nodes[script->model.entries[entry].node].type);
    }
    return count;
}

// `own`: by the description's own offset, which is 0 yet.
static void check_listing(struct script *script, handle_t handle, uint32_t directory, bool own) {
    uint64_t seen = 0;
    uint32_t count = 0;
    struct fs_list_request request = {.cursor = own ? FS_AT_CELL : 0};
    while (script->failure == NULL) {
        struct fs_list_reply reply = {0};
        script->calls++;
        int64_t got = fs_list(handle, &request, &reply, script->window, LIST_WINDOW, DEADLINE);
        if (got < 0) {
            (void)script_expect(script, "list", got, OK);
            return;
        }
        if (got == 0) {
            break;
        }
        count += take_records(script, directory, got, &seen);
        request.cursor = own ? FS_AT_CELL : reply.cursor;
    }
    (void)script_expect(script, "names told", count, model_count(&script->model, directory) + 2);
}

static void check_entry(struct script *script, handle_t handle, const struct model_entry *entry,
                        uint32_t depth) {
    char name[MODEL_NAME_BYTES + 1];
    struct fs_attributes attributes = {0};
    const struct model_node *node = &script->model.nodes[entry->node];
    memcpy(name, entry->name, entry->bytes);
    name[entry->bytes] = '\0';
    if (!script_expect(script, "stat of an entry",
                       script_stat(script, handle, name, FS_FIND_NO_FOLLOW, &attributes), OK)) {
        return;
    }
    script_check_attributes(script, &attributes, entry->node);
    if (node->type == FS_TYPE_LINK) {
        check_target(script, handle, name, node->target);
        return;
    }
    bool directory = node->type == FS_TYPE_DIRECTORY;
    if (!directory && node->type != FS_TYPE_REGULAR) {
        return;
    }
    struct fs_open_reply reply;
    struct script_held held = {.node = entry->node, .flags = FS_OPEN_READ};
    int64_t got = script_open(script, handle, name, FS_OPEN_READ, 0, &reply, &held.handle);
    if (!script_expect(script, "open of an entry", got, OK)) {
        return;
    }
    if (directory) {
        script_check_tree(script, held.handle, entry->node, depth + 1);
    } else {
        (void)script_check_read(script, &held, 0, MODEL_FILE_BYTES, true);
    }
    (void)script_expect(script, "handle_close", sys_handle_close(held.handle), OK);
}

void script_check_tree(struct script *script, handle_t handle, uint32_t directory, uint32_t depth) {
    check_listing(script, handle, directory, depth != 0);
    for (uint32_t i = 0; i < MODEL_ENTRIES && script->failure == NULL && depth < SCRIPT_DEPTH_MAX;
         i++) {
        const struct model_entry *entry = &script->model.entries[i];
        if (entry->used && entry->directory == directory) {
            check_entry(script, handle, entry, depth);
        }
    }
}
