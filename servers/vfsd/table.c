// SPDX-License-Identifier: MIT
//
// The table as programs read it, in /proc/mounts and /proc/self/mountinfo. The order is that in
// which the mounts were made, which is that of their numbers.

#include "vfsd.h"

#include <ds/format.h>
#include <sys/string.h>

#define NUMBER_SHOWN 1 // added to numbers, since programs know none that is 0

struct text {
    struct mount_text *into;
    uint32_t used;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *text, const char *format, ...) {
    va_list args;
    uint32_t room = MOUNT_TEXT_BYTES - text->used;
    va_start(args, format);
    int bytes = text_format_v(text->into->text + text->used, room, format, args);
    va_end(args);
    text->used += (uint32_t)bytes < room ? (uint32_t)bytes : room - 1;
}

// Blanks and so on are written in octal, so that each line has its fields.
static void add_name(struct text *text, const char *name) {
    for (const char *at = name; *at != '\0'; at++) {
        if (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\\') {
            add(text, "\\%u%u%u", (uint8_t)*at >> 6, (uint8_t)*at >> 3 & 7, (uint8_t)*at & 7);
        } else {
            add(text, "%c", *at);
        }
    }
}

static const char *access_of(uint32_t flags) {
    return (flags & FS_MOUNT_READ_ONLY) != 0 ? "ro" : "rw";
}

static void add_flags(struct text *text, uint32_t flags) {
    add(text, "%s%s%s%s,%s", access_of(flags), (flags & FS_MOUNT_NO_SUID) != 0 ? ",nosuid" : "",
        (flags & FS_MOUNT_NO_DEVICES) != 0 ? ",nodev" : "",
        (flags & FS_MOUNT_NO_EXECUTE) != 0 ? ",noexec" : "",
        (flags & FS_MOUNT_NO_ACCESS_TIME) != 0 ? "noatime" : "relatime");
}

static void add_line(struct text *text, const struct mount *mount) {
    add_name(text, mount->source);
    add(text, " ");
    add_name(text, mount->path);
    add(text, " %s ", type_names[mount->type]);
    add_flags(text, mount->flags);
    add(text, "%s 0 0\n", mount->options);
}

static void add_info(struct text *text, const struct mount *mount) {
    uint32_t parent = mount->id == ROOT_ID ? 0 : mount->parent + NUMBER_SHOWN;
    add(text, "%u %u 0:%u ", mount->id + NUMBER_SHOWN, parent, (uint32_t)mount->device);
    add_name(text, mount->inner);
    add(text, " ");
    add_name(text, mount->path);
    add(text, " ");
    add_flags(text, mount->flags);
    add(text, " - %s ", type_names[mount->type]);
    add_name(text, mount->source);
    add(text, " %s%s\n", access_of(mount->flags), mount->options);
}

// The live mount with the lowest number of those above `id`; the first for -1.
static const struct mount *next_of(struct vfsd *vfs, int64_t id) {
    const struct mount *next = NULL;
    for (uint32_t i = 0; i < MOUNTS_MAX; i++) {
        const struct mount *mount = mount_at(vfs, i);
        if (mount != NULL && mount->head.spare == MOUNT_LIVE && mount->id > id &&
            (next == NULL || mount->id < next->id)) {
            next = mount;
        }
    }
    return next;
}

void table_write(struct vfsd *vfs) {
    struct mount_table *table = vfs->table;
    uint64_t sequence = table->sequence + 1;
    struct text text = {.into = &table->texts[sequence % 2]};
    const struct mount *mount;
    for (int64_t id = -1; (mount = next_of(vfs, id)) != NULL; id = mount->id) {
        add_line(&text, mount);
    }
    text.into->mounts_bytes = text.used;
    for (int64_t id = -1; (mount = next_of(vfs, id)) != NULL; id = mount->id) {
        add_info(&text, mount);
    }
    text.into->info_bytes = text.used - text.into->mounts_bytes;
    __atomic_store_n(&table->sequence, sequence, __ATOMIC_RELEASE);
}
