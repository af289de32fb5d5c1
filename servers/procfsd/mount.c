// SPDX-License-Identifier: MIT
//
// Mounts of /proc: views that differ in nothing but their number, which descriptions carry so that
// walks find the way up. And the table of all mounts, whose text vfsd writes.

#include "procfs.h"

#include <abi/mounts.h>
#include <sys/calls.h>
#include <sys/string.h>

#define TRIES 100 // for a text that does not change under the copy

// Native services have no credentials.
static bool is_native(const struct packet *packet) {
    return packet->cookie == 0;
}

int64_t procfs_attach(void *context, const struct packet *packet,
                      const struct fs_attach_request *request, handle_t handles_out[1]) {
    struct procfs *fs = context;
    struct description as = {
        .place = {.node = NODE_ROOT},
        .flags = FS_OPEN_PATH | DESCRIPTION_VIEW,
        .mount = request->mount,
    };
    if (!is_native(packet) || request->mount == 0) {
        return request->mount == 0 ? ERR_INVALID_ARGUMENT : ERR_NOT_PERMITTED;
    }
    const struct description *from = description_of(fs, packet);
    if (from == NULL || request->fresh != 0) {
        return from == NULL ? ERR_NOT_FOUND : ERR_NOT_SUPPORTED;
    }
    return from->place.node != NODE_ROOT ? ERR_NOT_SUPPORTED
                                         : description_make(fs, &as, &handles_out[0]);
}

// Descriptions of a mount: those that somebody has opened, and that of the mount itself.
static void count(struct procfs *fs, uint32_t mount, uint32_t *users, uint32_t *views) {
    *users = *views = 0;
    for (uint32_t i = 0; i < DESCRIPTIONS_MAX; i++) {
        const struct description *at = vault_record(vault_of(fs), TABLE_DESCRIPTIONS, i);
        if (at->head.used != 0 && at->mount == mount) {
            *((at->flags & DESCRIPTION_VIEW) != 0 ? views : users) += 1;
        }
    }
}

int64_t procfs_detach(void *context, const struct packet *packet,
                      const struct fs_detach_request *request) {
    struct procfs *fs = context;
    uint32_t users, views;
    const struct description *from = description_of(fs, packet);
    if (!is_native(packet)) {
        return ERR_NOT_PERMITTED;
    }
    bool own =
        from != NULL && from->mount == request->mount && (from->flags & DESCRIPTION_VIEW) == 0;
    count(fs, request->mount, &users, &views);
    if (request->lazy == 0 && users > own) {
        return ERR_BUSY;
    }
    return views != 0 ? 0 : ERR_NOT_FOUND;
}

int64_t procfs_remount(void *context, const struct packet *packet,
                       const struct fs_remount_request *request) {
    uint32_t users, views;
    count(context, request->mount, &users, &views);
    if (!is_native(packet)) {
        return ERR_NOT_PERMITTED;
    }
    return views != 0 ? 0 : ERR_NOT_FOUND; // there is nothing that flags would change
}

int64_t procfs_table(void *context, const struct packet *packet, const handle_t handles_in[1]) {
    struct procfs *fs = context;
    const struct state *state = state_of(fs);
    if (!is_native(packet)) {
        (void)!sys_handle_close(handles_in[0]);
        return ERR_NOT_PERMITTED;
    }
    if (state->table != HANDLE_NONE) {
        step_close(vault_of(fs), state->table);
    }
    vault_set(vault_of(fs), &state->table, handles_in[0]);
    return 0;
}

// Copies one of the texts; false when it changed meanwhile.
static bool copy(handle_t vmo, bool info, struct text *text) {
    uint64_t sequence = 0, after = 0;
    uint32_t bytes[2];
    if (sys_vmo_read(vmo, 0, &sequence, sizeof(sequence)) < 0) {
        return false;
    }
    uint64_t at = offsetof(struct mount_table, texts) + sequence % 2 * sizeof(struct mount_text);
    if (sys_vmo_read(vmo, at, bytes, sizeof(bytes)) < 0) {
        return false;
    }
    at += sizeof(bytes) + (info ? bytes[0] : 0);
    uint64_t size = info ? bytes[1] : bytes[0], room = text->size - text->used;
    size = size < room ? size : room;
    bool read = size == 0 || sys_vmo_read(vmo, at, text->bytes + text->used, size) >= 0;
    if (!read || sys_vmo_read(vmo, 0, &after, sizeof(after)) < 0 || after != sequence) {
        return false;
    }
    text->used += (uint32_t)size;
    return true;
}

static void make(struct procfs *fs, bool info, struct text *text) {
    handle_t vmo = state_of(fs)->table;
    for (uint32_t i = 0; vmo != HANDLE_NONE && i < TRIES && !copy(vmo, info, text); i++) {
    }
}

void make_mounts(const struct making *making) {
    make(making->fs, false, making->text);
}

void make_mountinfo(const struct making *making) {
    make(making->fs, true, making->text);
}

// The number that a text begins with; *at moves behind it and the blank.
static uint32_t take_number(const char **at) {
    uint32_t number = 0;
    while (**at >= '0' && **at <= '9') {
        number = number * 10 + (uint32_t)(*(*at)++ - '0');
    }
    *at += **at == ' ';
    return number;
}

// Adds a field of a line, in which some characters are written in octal.
static void add_field(struct text *text, const char *at) {
    while (*at != ' ' && *at != '\n' && *at != '\0') {
        char c = *at++;
        if (c == '\\' && at[0] != '\0' && at[1] != '\0' && at[2] != '\0') {
            c = (char)((at[0] - '0') << 6 | (at[1] - '0') << 3 | (at[2] - '0'));
            at += 3;
        }
        text_add(text, "%c", c);
    }
}

void mount_add_point(struct procfs *fs, uint32_t mount, struct text *text) {
    const uint32_t half = CONTENT_BYTES / 2; // what is made at the moment stands in the other one
    struct text info = {.bytes = fs->content + half, .size = half - 1};
    make(fs, true, &info);
    info.bytes[info.used] = '\0';
    const char *at = info.bytes;
    while (mount != 0 && at != NULL && *at != '\0') {
        uint32_t shown = take_number(&at);
        for (uint32_t field = 0; shown == mount + 1 && at != NULL && field < 3; field++) {
            at = strchr(at, ' ');
            at = at != NULL ? at + 1 : NULL;
        }
        if (shown == mount + 1 && at != NULL) {
            add_field(text, at);
            return;
        }
        at = at != NULL ? strchr(at, '\n') : NULL;
        at = at != NULL ? at + 1 : NULL;
    }
}
