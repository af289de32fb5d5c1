// SPDX-License-Identifier: MIT
//
// Opening, and what a file holds: it is made when the file is read from its beginning, and kept. So
// reads at different offsets fit together, and a successor of this server reads the same on.

#include "procfs.h"

#include <sys/calls.h>

// What the root channels mean.
static const struct description root_description = {
    .place = {.node = NODE_ROOT},
    .flags = FS_OPEN_READ | FS_OPEN_DIRECTORY,
};

static const struct description *description_by_key(struct procfs *fs, uint64_t key) {
    uint32_t index = (uint32_t)(key & NUMBER_MASK) - 1;
    const struct description *description = vault_record(vault_of(fs), TABLE_DESCRIPTIONS, index);
    return description != NULL && description->head.used != 0 && description->key == key
               ? description
               : NULL;
}

const struct description *description_of(struct procfs *fs, const struct packet *packet) {
    return packet->key == 0 ? &root_description : description_by_key(fs, packet->key);
}

void description_closed(struct server *server, uint64_t key) {
    struct procfs *fs = (struct procfs *)server;
    const struct description *description = description_by_key(fs, key);
    if (description == NULL) {
        return;
    }
    step_close(vault_of(fs), description->endpoint);
    if (description->snapshot != HANDLE_NONE) {
        step_close(vault_of(fs), description->snapshot);
    }
    vault_set(vault_of(fs), &description->head.used, 0);
}

const struct description *description_by_secret(struct procfs *fs, uint64_t secret) {
    return description_by_key(fs, secret & (SERVER_KEYS - 1));
}

status_t snapshot_take(struct procfs *fs, const struct packet *packet,
                       const struct description *file) {
    struct subject subject = {0};
    struct text text = {.bytes = fs->content, .size = CONTENT_BYTES};
    const struct making making = {
        .fs = fs,
        .packet = packet,
        .subject = file->place.pid != 0 ? &subject : NULL,
        .place = file->place,
        .text = &text,
    };
    if (making.subject != NULL && subject_open(file->place.pid, &subject) != OK) {
        return ERR_NO_PROCESS;
    }
    if (making.subject != NULL && subject.known.process == packet->process) {
        subject.known.state = 'R'; // it is making this call; of others nobody knows
    }
    const struct node_info *node = &node_infos[file->place.node];
    if (node->make != NULL) {
        node->make(&making);
    } else {
        text_add(&text, "%s", node->text);
    }
    subject_close(&subject);
    int64_t vmo = sys_vmo_create(HANDLE_NONE, text.used + 1UL, 0);
    if (vmo < 0) {
        return (status_t)vmo;
    }
    step_made(vault_of(fs), (handle_t)vmo);
    if (file->snapshot != HANDLE_NONE) {
        step_close(vault_of(fs), file->snapshot);
    }
    vault_set(vault_of(fs), &file->snapshot, (handle_t)vmo);
    vault_set(vault_of(fs), &file->size, text.used);
    int64_t written = text.used != 0 ? sys_vmo_write((handle_t)vmo, 0, fs->content, text.used) : 0;
    return written < 0 ? (status_t)written : OK;
}

status_t description_make(struct procfs *fs, struct description *as, handle_t *client) {
    int32_t index = vault_find_free(vault_of(fs), TABLE_DESCRIPTIONS);
    if (index < 0) {
        return ERR_LIMIT;
    }
    const struct description *place =
        vault_record(vault_of(fs), TABLE_DESCRIPTIONS, (uint32_t)index);
    uint64_t uses = (place->key >> NUMBER_BITS) + 1;
    as->key = (uses << NUMBER_BITS | ((uint32_t)index + 1)) & (SERVER_KEYS - 1);
    as->head.used = 1;
    status_t status = server_channel(&fs->server, as->key, 0, client, &as->endpoint);
    if (status == OK) {
        const size_t from = offsetof(struct vault_head, used);
        vault_set_bytes(vault_of(fs), (const uint8_t *)place + from, (const uint8_t *)as + from,
                        sizeof(*as) - from);
    }
    return status;
}

// What is there may be opened like this.
static status_t check(const struct packet *packet, struct place place, uint32_t flags) {
    uint32_t type = node_infos[place.node].type;
    const uint32_t fresh = FS_OPEN_CREATE | FS_OPEN_EXCLUSIVE;
    bool path_only = (flags & FS_OPEN_PATH) != 0;
    if (!path_only && (flags & fresh) == fresh) {
        return ERR_ALREADY_EXISTS;
    }
    if (type == FS_TYPE_LINK && !path_only) {
        return ERR_TOO_MANY_LINKS;
    }
    if (type != FS_TYPE_DIRECTORY && (flags & (FS_OPEN_DIRECTORY | FS_OPEN_ROOT)) != 0) {
        return ERR_NOT_DIRECTORY;
    }
    if (path_only) {
        return OK;
    }
    if (type == FS_TYPE_DIRECTORY && (flags & (FS_OPEN_WRITE | FS_OPEN_CREATE)) != 0) {
        return ERR_IS_DIRECTORY;
    }
    const uint32_t writes = FS_OPEN_WRITE | FS_OPEN_TRUNCATE;
    bool stores = node_infos[place.node].store != NULL && (uint32_t)packet->cookie == 0;
    const uint32_t changes = FS_OPEN_EXECUTE | FS_OPEN_TEMPORARY | (stores ? 0 : writes);
    return (flags & changes) != 0 ? ERR_FORBIDDEN : place_check(place, packet);
}

int64_t procfs_open(OPERATION_ARGUMENTS(open), handle_t handles_out[1]) {
    struct procfs *fs = context;
    struct route route;
    const struct description *from = description_of(fs, packet);
    int64_t status = from != NULL ? path_read(fs, packet) : ERR_NOT_FOUND;
    if (status != OK) {
        return status;
    }
    uint32_t bytes = (uint32_t)packet->in_bytes;
    const uint32_t fresh =
        FS_OPEN_CREATE | FS_OPEN_EXCLUSIVE; // what must not be there, a link neither
    bool follow = (request->flags & FS_OPEN_NO_FOLLOW) == 0 && (request->flags & fresh) != fresh;
    status = walk_path(fs, packet, from, bytes, follow ? WALK_FOLLOW : 0, &route);
    if (status < 0) {
        return status;
    }
    struct description as = {
        .place = route.place,
        .flags = request->flags & ~DESCRIPTION_VIEW,
        .mount = from->mount,
    };
    if (status > FS_WALK_DONE) {
        // With a walk that leaves a handle has to go: it is that of the root.
        as.place = (struct place){.node = NODE_ROOT};
        as.flags = FS_OPEN_PATH;
        int64_t left = walk_leave(fs, packet, bytes, &route, status, &reply->rest, &reply->mount);
        status_t made = left > 0 ? description_make(fs, &as, &handles_out[0]) : OK;
        return made == OK ? left : made;
    }
    status = check(packet, route.place, request->flags);
    status = status == OK ? place_attributes(fs, route.place, &reply->attributes) : status;
    status = status == OK ? description_make(fs, &as, &handles_out[0]) : status;
    reply->secret = as.key | SERVER_KEYS;
    return status == OK ? FS_WALK_DONE : status;
}
