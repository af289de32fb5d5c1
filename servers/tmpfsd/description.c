// SPDX-License-Identifier: MIT
//
// Open file descriptions. Each is a channel whose key holds the number of its record, and how often
// that place was used before: a call or a notice that comes late does not meet the next one.

#include "tmpfs.h"

#include <abi/objects.h>
#include <sys/calls.h>

// What the root channels mean: the root, for looking only.
static const struct description root_description = {
    .inode = INODE_ROOT,
    .root = INODE_ROOT,
    .flags = FS_OPEN_READ | FS_OPEN_DIRECTORY,
};

// The record of a number that is in use, of one that is closed too.
static const struct description *record_find(struct tmpfs *fs, uint64_t number) {
    if (number == 0 || number > vault_touched(vault_of(fs), TABLE_DESCRIPTIONS)) {
        return NULL;
    }
    const struct description *description =
        vault_record(vault_of(fs), TABLE_DESCRIPTIONS, (uint32_t)number - 1);
    return description->head.used != 0 ? description : NULL;
}

static const struct description *record_by_key(struct tmpfs *fs, uint64_t key) {
    const struct description *description = record_find(fs, key & NUMBER_MASK);
    return description != NULL && description->key == key ? description : NULL;
}

const struct description *description_channel(struct tmpfs *fs, const struct packet *packet) {
    return packet->key == 0 ? NULL : record_by_key(fs, packet->key);
}

const struct description *description_of(struct tmpfs *fs, const struct packet *packet) {
    const struct description *description = description_channel(fs, packet);
    return packet->key == 0                                 ? &root_description
           : description != NULL && description->inode != 0 ? description
                                                            : NULL;
}

const struct description *description_by_secret(struct tmpfs *fs, uint64_t secret) {
    const struct description *description = record_find(fs, secret & NUMBER_MASK);
    bool open = description != NULL && description->inode != 0;
    return open && description->secret == secret ? description : NULL;
}

// A secret for the description with a number.
static status_t secret_take(struct tmpfs *fs, uint32_t number, uint64_t *secret) {
    if (fs->secrets_left == 0) {
        status_t status = sys_random_get(fs->secrets, sizeof(fs->secrets));
        if (status != OK) {
            return status;
        }
        fs->secrets_left = TMPFS_SECRETS;
    }
    uint64_t random = 0;
    __builtin_memcpy(&random, fs->secrets[--fs->secrets_left], SECRET_BYTES);
    *secret = random << NUMBER_BITS | number;
    return OK;
}

status_t description_make(struct tmpfs *fs, struct description *as, handle_t *client) {
    int32_t index = vault_find_free(vault_of(fs), TABLE_DESCRIPTIONS);
    if (index < 0) {
        return ERR_LIMIT;
    }
    const struct description *place =
        vault_record(vault_of(fs), TABLE_DESCRIPTIONS, (uint32_t)index);
    bool reused = (uint32_t)index < vault_touched(vault_of(fs), TABLE_DESCRIPTIONS);
    uint64_t uses = reused ? (place->key >> NUMBER_BITS) + 1 : 1;
    uint32_t number = (uint32_t)index + 1;
    as->key = (uses << NUMBER_BITS | number) & (SERVER_KEYS - 1);
    status_t status = secret_take(fs, number, &as->secret);
    as->head.used = 1;
    return status == OK ? server_channel(&fs->server, as->key, 0, client, &as->endpoint) : status;
}

static void record_write(struct tmpfs *fs, const struct description *as) {
    const struct description *place =
        vault_record(vault_of(fs), TABLE_DESCRIPTIONS, (uint32_t)(as->key & NUMBER_MASK) - 1);
    const size_t from = offsetof(struct vault_head, used);
    vault_set_bytes(vault_of(fs), (const uint8_t *)place + from, (const uint8_t *)as + from,
                    sizeof(*as) - from);
    inode_ref(fs, as->inode);
    inode_ref(fs, as->root);
}

void description_store(struct tmpfs *fs, const struct description *as) {
    record_write(fs, as);
    fs->descriptions_free--;
    fs->handed_over = as->key;
}

status_t description_renew(struct tmpfs *fs, const struct description *old,
                           struct description *as) {
    as->head = old->head;
    as->key = old->key;
    as->endpoint = old->endpoint;
    as->deferral = old->deferral;
    return secret_take(fs, (uint32_t)(old->key & NUMBER_MASK), &as->secret);
}

void description_replace(struct tmpfs *fs, const struct description *old,
                         const struct description *as) {
    uint32_t inode = old->inode, root = old->root;
    record_write(fs, as); // first: what is open again is not let go in between
    if (inode != 0) {
        inode_unref(fs, inode);
        inode_unref(fs, root);
    }
    defer_bound(fs, old);
}

void description_closed(struct server *server, uint64_t key) {
    struct tmpfs *fs = (struct tmpfs *)server;
    const struct description *description = record_by_key(fs, key);
    if (description == NULL) {
        return;
    }
    lock_description_ends(fs, key);
    fs->now = 0;
    page_begin(fs);
    step_close(vault_of(fs), description->endpoint);
    defer_ends(fs, description);
    vault_set(vault_of(fs), &description->head.used, 0);
    fs->descriptions_free++;
    if (description->inode != 0) {
        inode_unref(fs, description->inode);
        inode_unref(fs, description->root);
    }
    mount_settle(fs);
}

void description_handed_over(struct server *server) {
    struct tmpfs *fs = (struct tmpfs *)server;
    const struct description *description = record_by_key(fs, fs->handed_over);
    if (description != NULL &&
        sys_object_wait(description->endpoint, SIGNAL_ENDPOINT_PEER_CLOSED, 0, 0) > 0) {
        description_closed(server, fs->handed_over);
    }
    fs->handed_over = 0;
}
