// SPDX-License-Identifier: MIT
//
// From a path to an inode.
//
// The path stands at the end of a buffer; a symbolic link puts its target before what is left. So
// the walk is one loop, bounded by the buffer and the number of links. It never goes above the root
// that the description carries. The last name is special: it may not exist yet, and whether a link
// there is followed is for the operation to say.

#include "tmpfs.h"

#include <sys/calls.h>

// What is left of the path.
struct rest {
    char *at, *end;
    uint32_t links; // followed so far
};

void walk_begin(struct route *walk, const struct packet *packet, const struct description *from) {
    memset(walk, 0, offsetof(struct route, text)); // there is no name yet
    walk->caller = caller_of(packet);
    walk->base = from->inode;
    walk->root = from->root;
    walk->mount = from->mount;
    walk->confined = (from->flags & FS_OPEN_ROOT) != 0;
    walk->arrives = (from->flags & DESCRIPTION_VIEW) != 0;
}

int64_t link_target(struct tmpfs *fs, const struct inode *link, char *out) {
    if (link->vmo == HANDLE_NONE) {
        return text_read(fs, link->text, out, TARGET_BYTES_MAX);
    }
    return sys_vmo_read(link->vmo, 0, out, link->size);
}

// Goes on with the target of a link, then with what is left.
static status_t follow(struct tmpfs *fs, struct route *walk, const struct inode *link,
                       struct rest *rest, uint32_t *inode) {
    char target[TARGET_BYTES_MAX];
    if (++rest->links > LINKS_MAX) {
        return ERR_TOO_MANY_LINKS;
    }
    int64_t bytes = link_target(fs, link, target);
    if (bytes < 0) {
        return (status_t)bytes;
    }
    if (bytes > rest->at - fs->walk) {
        return ERR_NAME_TOO_LONG;
    }
    rest->at -= bytes;
    memcpy(rest->at, target, (size_t)bytes);
    if (bytes > 0 && target[0] == '/') {
        if (!walk->confined && walk->mount != 0) {
            fs->left = walk->mount;
            return FS_WALK_ABSOLUTE;
        }
        *inode = walk->inode = walk->root;
        walk->directory = walk->name = 0;
        walk->last = LAST_ROOT;
    }
    return OK;
}

static void skip_slashes(struct rest *rest) {
    while (rest->at < rest->end && *rest->at == '/') {
        rest->at++;
    }
}

// The highest bit of each byte of a word that is zero; of those behind the first one maybe, too.
static uint64_t zero_bytes(uint64_t word) {
    const uint64_t ones = 0x0101010101010101;
    return (word - ones) & ~word & ones << 7;
}

// Takes the next name; at least one byte is left. NAME_TOO_LONG; NOT_FOUND for one with a zero in
// it. It goes a word at a time: behind the path's buffer there is another.
static status_t take_name(struct route *walk, struct rest *rest) {
    const uint64_t slashes = 0x2f2f2f2f2f2f2f2f;
    uint32_t left = (uint32_t)(rest->end - rest->at);
    uint32_t bytes = 0;
    uint64_t ends = 0;
    for (; ends == 0 && bytes < left && bytes <= NAME_BYTES_MAX; bytes += sizeof(uint64_t)) {
        uint64_t word;
        __builtin_memcpy(&word, rest->at + bytes, sizeof(word));
        __builtin_memcpy(walk->text + bytes, &word, sizeof(word));
        ends = zero_bytes(word ^ slashes) | zero_bytes(word);
    }
    bytes = ends != 0 ? bytes - 8 + (uint32_t)__builtin_ctzl(ends) / 8 : bytes;
    bytes = bytes < left ? bytes : left;
    if (bytes > NAME_BYTES_MAX) {
        return ERR_NAME_TOO_LONG;
    }
    walk->text_bytes = bytes;
    walk->slash = bytes < left;
    if (walk->slash && rest->at[bytes] == '\0') {
        return ERR_NOT_FOUND;
    }
    rest->at += bytes;
    return OK;
}

static status_t search(struct tmpfs *fs, const struct route *walk, uint32_t inode) {
    const struct inode *directory = inode_get(fs, inode);
    if (!is_directory(directory)) {
        return ERR_NOT_DIRECTORY;
    }
    return access_allowed(walk->caller, directory, ACCESS_SEARCH) ? OK : ERR_FORBIDDEN;
}

// Whether two dots in a directory lead out of the mount.
static bool leads_up(const struct tmpfs *fs, const struct route *walk, uint32_t directory) {
    if (walk->mount == 0 || (walk->confined && directory == walk->root)) {
        return false;
    }
    return directory == walk->root || directory == mount_root(fs, walk->mount);
}

// Looks the name that was taken up in `directory`. OK; FS_WALK_UP.
static status_t look_up(struct tmpfs *fs, struct route *walk, uint32_t directory) {
    walk->directory = walk->name = 0;
    if (walk->text_bytes == 1 && walk->text[0] == '.') {
        walk->last = LAST_DOT;
        walk->inode = directory;
    } else if (walk->text_bytes == 2 && walk->text[0] == '.' && walk->text[1] == '.') {
        walk->last = LAST_DOTS;
        if (leads_up(fs, walk, directory)) {
            fs->left = walk->mount;
            return FS_WALK_UP;
        }
        walk->inode = directory == walk->root ? directory : inode_parent(fs, directory);
    } else {
        walk->last = LAST_NAME;
        walk->directory = directory;
        walk->name = name_find(fs, directory, walk->text, walk->text_bytes);
        walk->inode = walk->name != 0 ? name_get(fs, walk->name)->inode : 0;
    }
    return OK;
}

// The walk leaves with a result; what stands behind `rest->at` is not used.
static status_t leave(struct tmpfs *fs, const struct rest *rest, status_t result) {
    fs->rest = (uint32_t)(rest->end - rest->at);
    return result;
}

status_t walk_path(struct tmpfs *fs, struct route *walk, const char *path, uint32_t bytes,
                   uint32_t flags) {
    struct rest rest = {.at = fs->walk + WALK_BYTES_MAX - bytes, .end = fs->walk + WALK_BYTES_MAX};
    if (bytes > PATH_BYTES_MAX) {
        return ERR_NAME_TOO_LONG;
    }
    memcpy(rest.at, path, bytes);
    uint32_t at = bytes > 0 && path[0] == '/' ? walk->root : walk->base;
    walk->inode = at;
    walk->last = bytes > 0 ? LAST_ROOT : LAST_NOTHING;
    fs->left = walk->arrives ? cover_find(fs, walk->mount, at) : 0;
    if (fs->left != 0) {
        return leave(fs, &rest, FS_WALK_MOUNT);
    }
    for (;;) {
        skip_slashes(&rest);
        if (rest.at == rest.end) {
            return OK;
        }
        status_t status = search(fs, walk, at);
        status = status == OK ? take_name(walk, &rest) : status;
        if (status != OK) {
            return status;
        }
        char *after = rest.at;
        skip_slashes(&rest);
        bool last = rest.at == rest.end;
        status = look_up(fs, walk, at);
        if (status != OK) {
            return leave(fs, &rest, status);
        }
        if (walk->inode == 0) {
            return last && walk->last == LAST_NAME ? OK : ERR_NOT_FOUND;
        }
        uint32_t cover = cover_find(fs, walk->mount, walk->inode);
        if (cover != 0 && !(last && (flags & WALK_PARENT) != 0)) {
            fs->left = cover;
            return leave(fs, &rest, FS_WALK_MOUNT);
        }
        const struct inode *inode = inode_get(fs, walk->inode);
        bool follows =
            !last || (flags & WALK_FOLLOW) != 0 || (walk->slash && (flags & WALK_PARENT) == 0);
        if (is_link(inode) && follows) {
            rest.at = after;
            status = follow(fs, walk, inode, &rest, &at);
            if (status != OK) {
                return status == FS_WALK_ABSOLUTE ? leave(fs, &rest, status) : status;
            }
            continue;
        }
        if (last && walk->slash && (flags & WALK_PARENT) == 0 && !is_directory(inode)) {
            return ERR_NOT_DIRECTORY;
        }
        at = walk->inode;
    }
}

status_t walk_existing(struct tmpfs *fs, struct route *walk, const char *path, uint32_t bytes,
                       uint32_t flags) {
    status_t status = walk_path(fs, walk, path, bytes, flags);
    return status == OK && walk->inode == 0 ? ERR_NOT_FOUND : status;
}

int64_t walk_answer(struct tmpfs *fs, const struct packet *packet, int64_t result, uint32_t *rest,
                    uint32_t *mount) {
    if (result <= FS_WALK_DONE) {
        return result;
    }
    if (fs->rest > packet->out_bytes) {
        return ERR_NAME_TOO_LONG;
    }
    *rest = fs->rest;
    *mount = fs->left;
    int64_t status = window_fill(packet, fs->walk + WALK_BYTES_MAX - fs->rest, fs->rest);
    return status == OK ? result : status;
}

status_t walk_vacant(struct tmpfs *fs, const struct route *walk) {
    if (walk->last == LAST_NOTHING) {
        return ERR_NOT_FOUND;
    }
    if (walk->inode != 0) {
        return ERR_ALREADY_EXISTS;
    }
    const struct inode *directory = inode_get(fs, walk->directory);
    if (directory->links == 0) {
        return ERR_NOT_FOUND; // it was removed
    }
    if (mount_writable(fs, walk->mount) != OK) {
        return ERR_READ_ONLY;
    }
    return access_allowed(walk->caller, directory, ACCESS_WRITE | ACCESS_SEARCH) ? OK
                                                                                 : ERR_FORBIDDEN;
}
