// SPDX-License-Identifier: MIT
//
// The first content: the part of the boot archive below a folder becomes the tree. Each entry is a
// step of its own, and one that is there already is left alone, so an instance that dies on the way
// is no trouble: its successor begins again.
//
// The archive's memory is not the file system's: contents are copied.

#include "tmpfs.h"

#include <abi/limits.h>
#include <image/ustar.h>
#include <server/start.h>
#include <sys/archive.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/start.h>

#define DEFAULT_FOLDER "root/"

// The supervisor need not take a long start for a hang.
static void beat(const struct tmpfs *fs) {
    (void)sys_event_signal(fs->server.heartbeat, 0, SERVER_BEAT);
}

void step_next(struct tmpfs *fs) {
    // No step of this file comes near the limits of one; if it did the library would end us.
    (void)!step_commit(vault_of(fs), NULL);
    step_begin(vault_of(fs));
    beat(fs);
}

// Walks as root from the root.
static status_t find(struct tmpfs *fs, struct route *walk, const char *path, uint32_t bytes) {
    *walk = (struct route){.base = INODE_ROOT, .root = INODE_ROOT};
    return walk_path(fs, walk, path, bytes, WALK_PARENT);
}

// Puts an inode where the walk led, in place of what is there.
static status_t put(struct tmpfs *fs, const struct route *walk, const struct inode *inode,
                    int64_t modified) {
    if (walk->last != LAST_NAME || !inode_room(fs) || !name_room(fs, walk->text_bytes)) {
        return ERR_NO_SPACE;
    }
    if (walk->name != 0) {
        name_remove(fs, walk->name);
        inode_unlink(fs, walk->inode);
    }
    uint32_t number = inode_make(fs, inode);
    struct inode dated = *inode_get(fs, number);
    dated.modified = modified;
    inode_write(fs, number, &dated);
    (void)name_add(fs, walk->directory, walk->text, walk->text_bytes, number);
    return OK;
}

static status_t put_directory(struct tmpfs *fs, const struct route *walk, uint32_t mode,
                              int64_t modified) {
    struct inode made = {
        .mode = (uint32_t)FS_TYPE_DIRECTORY << 12 | mode,
        .links = 2,
        .parent = INODE_ROOT,
    };
    if (walk->inode != 0 && is_directory(inode_get(fs, walk->inode))) {
        struct inode next = *inode_get(fs, walk->inode);
        next.mode = made.mode;
        inode_write(fs, walk->inode, &next);
        return OK;
    }
    return put(fs, walk, &made, modified);
}

// Makes the directories above a path that are not there.
static status_t put_parents(struct tmpfs *fs, const char *path, uint32_t bytes, int64_t modified) {
    status_t status = OK;
    for (uint32_t i = 1; i < bytes && status == OK; i++) {
        struct route walk;
        if (path[i] != '/') {
            continue;
        }
        status = find(fs, &walk, path, i);
        if (status == OK && walk.inode == 0) {
            status = put_directory(fs, &walk, 0755, modified);
            step_next(fs);
        }
    }
    return status;
}

static status_t copy_contents(struct tmpfs *fs, const struct ustar_entry *entry,
                              struct inode *inode) {
    status_t status = entry->size != 0 ? data_make(fs, entry->size, &inode->vmo) : OK;
    for (uint64_t done = 0; status == OK && done < entry->size;) {
        uint64_t piece = entry->size - done < COPY_MAX_BYTES ? entry->size - done : COPY_MAX_BYTES;
        int64_t count = sys_vmo_write(inode->vmo, done, (const uint8_t *)entry->data + done, piece);
        if (count < 0) {
            return (status_t)count;
        }
        done += (uint64_t)count;
        beat(fs);
    }
    inode->size = entry->size;
    return status;
}

static status_t put_file(struct tmpfs *fs, const struct route *walk,
                         const struct ustar_entry *entry, struct inode *made, int64_t modified) {
    const struct inode *there = walk->inode != 0 ? inode_get(fs, walk->inode) : NULL;
    if (there != NULL && is_regular(there) && there->size == entry->size &&
        there->modified == modified) {
        return OK; // a predecessor has done it
    }
    status_t status = copy_contents(fs, entry, made);
    return status == OK ? put(fs, walk, made, modified) : status;
}

// Whether an inode is a link to this.
static bool leads_to(const struct tmpfs *fs, const struct inode *inode, const char *target,
                     uint32_t bytes) {
    char text[TARGET_SHORT_MAX];
    return inode->mode >> 12 == FS_TYPE_LINK && inode->size == bytes &&
           text_read(fs, inode->text, text, sizeof(text)) == bytes &&
           memcmp(text, target, bytes) == 0;
}

// A later entry of the same name takes the place of an earlier one, as with files.
static status_t put_symbolic(struct tmpfs *fs, const struct route *walk, const char *target,
                             struct inode *made, int64_t modified) {
    uint32_t bytes = (uint32_t)strlen(target);
    if (walk->inode != 0 && is_directory(inode_get(fs, walk->inode))) {
        return ERR_ALREADY_EXISTS;
    }
    if (bytes > TARGET_SHORT_MAX || !name_room(fs, walk->text_bytes + bytes + PIECE_TEXT)) {
        return ERR_NO_SPACE;
    }
    if (walk->inode != 0 && leads_to(fs, inode_get(fs, walk->inode), target, bytes)) {
        return OK; // a predecessor has done it
    }
    made->mode |= 0777;
    made->size = bytes;
    made->text = text_store(fs, target, bytes);
    return put(fs, walk, made, modified);
}

// Another name of a file that came before.
static status_t put_hard(struct tmpfs *fs, const struct route *walk, const char *of,
                         uint32_t bytes) {
    struct route old;
    status_t status = find(fs, &old, of, bytes);
    if (status != OK || old.inode == 0 || is_directory(inode_get(fs, old.inode))) {
        return status == OK ? ERR_NOT_FOUND : status;
    }
    if (walk->inode == old.inode) {
        return OK;
    }
    if ((walk->inode != 0 && is_directory(inode_get(fs, walk->inode))) ||
        !name_room(fs, walk->text_bytes)) {
        return ERR_ALREADY_EXISTS;
    }
    if (walk->inode != 0) {
        name_remove(fs, walk->name);
        inode_unlink(fs, walk->inode);
    }
    struct inode next = *inode_get(fs, old.inode);
    next.links++;
    inode_write(fs, old.inode, &next);
    (void)name_add(fs, walk->directory, walk->text, walk->text_bytes, old.inode);
    return OK;
}

// Makes one entry of the archive; `path` is without the folder.
static status_t put_entry(struct tmpfs *fs, const struct ustar_entry *entry, const char *path,
                          const char *folder) {
    static const uint32_t types[] = {
        ['0'] = FS_TYPE_REGULAR, ['2'] = FS_TYPE_LINK, ['3'] = FS_TYPE_CHARACTER,
        ['4'] = FS_TYPE_BLOCK,   ['6'] = FS_TYPE_FIFO,
    };
    struct archive_details details;
    archive_details(entry, &details);
    struct route walk;
    uint32_t bytes = (uint32_t)strlen(path);
    int64_t modified = SECONDS((int64_t)details.modified);
    status_t status = put_parents(fs, path, bytes, modified);
    status = status == OK ? find(fs, &walk, path, bytes) : status;
    if (status != OK) {
        return status;
    }
    uint8_t kind = (uint8_t)entry->type;
    uint32_t type = kind < sizeof(types) / sizeof(types[0]) ? types[kind] : 0;
    struct inode made = {
        .mode = type << 12 | (type == FS_TYPE_LINK ? 0 : details.mode & MODE_PERMISSIONS),
        .links = 1,
        .uid = details.uid,
        .gid = details.gid,
        .rdev = (uint64_t)(details.major & 0xfff) << 8 | (details.minor & 0xff),
    };
    size_t prefix = strlen(folder);
    switch (kind) {
    case '0':
        return put_file(fs, &walk, entry, &made, modified);
    case '1':
        return strncmp(details.link, folder, prefix) != 0
                   ? ERR_NOT_FOUND
                   : put_hard(fs, &walk, details.link + prefix,
                              (uint32_t)strlen(details.link + prefix));
    case '2':
        return put_symbolic(fs, &walk, details.link, &made, modified);
    case '5':
        return put_directory(fs, &walk, details.mode & MODE_PERMISSIONS, modified);
    default:
        if (type == 0) {
            return ERR_NOT_SUPPORTED;
        }
        return walk.inode != 0 ? OK : put(fs, &walk, &made, modified);
    }
}

static status_t fill_from(struct tmpfs *fs, const struct archive *archive, const char *folder) {
    struct ustar_entry entry;
    size_t offset = 0, prefix = strlen(folder);
    for (;;) {
        status_t status = ustar_next(archive->data, archive->size, &offset, &entry);
        if (status != OK) {
            return status == ERR_NOT_FOUND ? OK : status;
        }
        if (strncmp(entry.path, folder, prefix) != 0 || entry.path[prefix] == '\0') {
            continue;
        }
        status = put_entry(fs, &entry, entry.path + prefix, folder);
        if (status == ERR_NO_MEMORY || status == ERR_NO_SPACE) {
            return status;
        }
        if (status != OK) {
            log_printf("tmpfsd: %s of the boot archive is left out: status %d", entry.path, status);
        }
        step_next(fs);
    }
}

status_t fill(struct tmpfs *fs) {
    const struct state *state = vault_record(vault_of(fs), TABLE_STATE, 0);
    const char *folder = start_option("folder");
    handle_t vmo = start_handle("archive");
    struct archive archive;
    status_t status = OK;
    if (vmo != HANDLE_NONE) {
        status = archive_map(vmo, &archive);
        if (status != OK) {
            return status;
        }
        status = fill_from(fs, &archive, folder != NULL ? folder : DEFAULT_FOLDER);
        archive_unmap(&archive);
    }
    if (status != OK) {
        // Better a system with some of its files than none.
        log_printf("tmpfsd: the boot archive is not all there: status %d", status);
    }
    vault_set(vault_of(fs), &state->head.used, 1);
    vault_set(vault_of(fs), &state->filled, 1);
    return OK;
}
