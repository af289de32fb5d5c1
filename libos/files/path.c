// SPDX-License-Identifier: MIT

#include <files/path.h>

#include <core/access.h>
#include <core/heap.h>
#include <core/process.h>
#include <core/status.h>
#include <files/deferral.h>
#include <files/magic.h>
#include <files/mounts.h>
#include <proto/fs_client.h>
#include <sys/calls.h>
#include <sys/string.h>

// Where a walk begins. `file` is held as long as the handle is used.
struct base {
    handle_t handle;
    struct description *file;
    bool owned;      // the handle is closed with the base
    uint64_t secret; // of its description; 0: not known
};

static int64_t base_get(int directory, const char *path, size_t bytes, struct base *base) {
    struct linux_process *process = process_current();
    *base = (struct base){0};
    if (bytes > 0 && path[0] == '/') {
        base->handle = process->root;
        base->secret = process->places.root;
    } else if (directory == AT_CURRENT) {
        base->handle = process->cwd;
        base->secret = process->places.cwd;
    } else {
        base->file = file_get(directory);
        if (base->file == NULL) {
            return -LINUX_EBADF;
        }
        base->handle = base->file->handle;
        base->secret = base->file->secret;
        bool walks = base->file->kind == FD_FILE;
        if (!walks || (bytes > 0 && !base->file->directory)) {
            description_release(base->file);
            return -LINUX_ENOTDIR;
        }
    }
    return base->handle == HANDLE_NONE ? -LINUX_ENOENT : 0;
}

static void base_put(struct base *base) {
    if (base->file != NULL) {
        description_release(base->file);
    }
    if (base->owned) {
        (void)!sys_handle_close(base->handle);
    }
    base->file = NULL;
    base->owned = false;
}

#define LEAVES_MAX 40 // file systems that a walk may leave

// A walk under way: where it is, and what is left of the path.
struct path_walk {
    struct base base;
    const char *path;
    size_t bytes;
    uint32_t left; // file systems so far
    // What a walk ended at that is no file of a server, for those who set `takes_file`.
    bool takes_file;
    struct description *file;
    char rest[PATH_BYTES]; // out window of each call
    char next[PATH_BYTES]; // what of it the next call takes
};

static int64_t walk_begin(struct path_walk *walk, int directory, const char *path, size_t bytes) {
    walk->path = path;
    walk->bytes = bytes;
    walk->left = 0;
    walk->takes_file = false;
    walk->file = NULL;
    return base_get(directory, path, bytes, &walk->base);
}

// Goes on where a link of /proc leads. As walk_goes_on, which it is a part of.
static bool walk_magic(struct path_walk *walk, int64_t *result, uint32_t rest) {
    struct magic magic;
    *result = magic_find(walk->rest, rest, &magic);
    if (*result < 0) {
        return false;
    }
    const char *at = walk->rest + magic.word_bytes, *end = walk->rest + rest;
    bool more = at != end;
    while (at != end && *at == '/') {
        at++;
    }
    if (magic.handle == HANDLE_NONE) {
        if (!walk->takes_file || more) {
            description_release(magic.file);
            *result = -LINUX_ENOTDIR;
        } else {
            walk->file = magic.file;
        }
        return false;
    }
    walk->base = (struct base){.handle = magic.handle, .file = magic.file, .owned = magic.owned};
    // Slashes behind the link ask for a directory, as a dot does.
    walk->bytes = at == end && more ? 1 : (size_t)(end - at);
    memcpy(walk->next, at == end ? "." : at, walk->bytes);
    walk->path = walk->next;
    if (++walk->left > LEAVES_MAX) {
        base_put(&walk->base);
        *result = -LINUX_ELOOP;
        return false;
    }
    return true;
}

// Whether the walk left its server with a call's result, so that the call is to be made again with
// the new base and path; `rest` and `mount` are those of the reply. Otherwise *result is the
// outcome, in Linux's numbers, and the base is put.
static bool walk_goes_on(struct path_walk *walk, int64_t *result, uint32_t rest, uint32_t mount) {
    int64_t kind = *result;
    base_put(&walk->base);
    if (kind <= FS_WALK_DONE) {
        *result = linux_result(kind);
        return false;
    }
    if (kind == FS_WALK_MAGIC) {
        return rest <= PATH_BYTES && walk_magic(walk, result, rest);
    }
    size_t dots = kind == FS_WALK_UP ? 3 : 0;
    *result = rest + dots > PATH_BYTES || ++walk->left > LEAVES_MAX ? -LINUX_ELOOP : 0;
    if (*result == 0 && kind == FS_WALK_ABSOLUTE) {
        walk->base.handle = process_current()->root;
    } else if (*result == 0 && (kind == FS_WALK_MOUNT || kind == FS_WALK_UP)) {
        *result = kind == FS_WALK_UP ? mounts_up(mount, &walk->base.handle)
                                     : mounts_root(mount, &walk->base.handle, &walk->base.owned);
        walk->base.owned = *result == 0 && (kind == FS_WALK_UP || walk->base.owned);
    } else if (*result == 0) {
        *result = -LINUX_ENOENT;
    }
    if (*result < 0) {
        return false;
    }
    memcpy(walk->next, "../", dots);
    memcpy(walk->next + dots, walk->rest, rest);
    walk->path = walk->next;
    walk->bytes = rest + dots;
    return true;
}

void path_close(const struct path_open *open) {
    if (open->deferral == NULL || !deferral_close(open->deferral, open->secret)) {
        (void)!sys_handle_close(open->handle);
    }
}

// Both tell the same in the same places.
union opened {
    struct fs_open_reply open;
    struct fs_reopen_reply reopen;
};
static_assert(sizeof(struct fs_reopen_reply) == sizeof(struct fs_open_reply) &&
                  offsetof(struct fs_reopen_reply, secret) ==
                      offsetof(struct fs_open_reply, secret) &&
                  offsetof(struct fs_reopen_reply, mount) == offsetof(struct fs_open_reply, mount),
              "they differ");

// The first call of a walk, by a channel that was kept, if there is one. BAD_STATE: it is to be
// made by a channel of its own.
static int64_t reopen(struct path_walk *walk, struct path_open *open, union opened *reply) {
    struct deferral *kept = walk->base.secret != 0 ? deferral_take() : NULL;
    const struct fs_reopen_request request = {
        .flags = open->flags,
        .mode = open->mode,
        .from = walk->base.secret,
    };
    if (kept == NULL) {
        return ERR_BAD_STATE;
    }
    int64_t result = fs_reopen(kept->handle, &request, walk->path, walk->bytes, &reply->reopen,
                               walk->rest, sizeof(walk->rest), INSTANT_NEVER);
    if (result != FS_WALK_DONE) {
        deferral_give_back(kept, result == ERR_BAD_STATE);
    } else {
        open->deferral = kept;
        open->handle = kept->handle;
    }
    return result;
}

int64_t path_open(struct linux_thread *self, int directory, const char *path, size_t bytes,
                  struct path_open *open) {
    struct path_walk walk;
    union opened reply;
    struct fs_open_request request = {.flags = open->flags, .mode = open->mode};
    (void)self;
    int64_t result = walk_begin(&walk, directory, path, bytes);
    if (result < 0) {
        return result;
    }
    walk.takes_file = open->takes_description;
    bool reuses = open->reuses && bytes > 0;
    do {
        if (walk.bytes == 0) {
            request.flags &= ~(uint32_t)FS_OPEN_CREATE; // it is there
        }
        result = reuses ? reopen(&walk, open, &reply) : ERR_BAD_STATE;
        if (result == ERR_BAD_STATE) {
            result = fs_open(walk.base.handle, &request, walk.path, walk.bytes, &reply.open,
                             walk.rest, sizeof(walk.rest), &open->handle, INSTANT_NEVER);
            if (result > FS_WALK_DONE) {
                (void)!sys_handle_close(open->handle);
            }
        }
        reuses = false;
        if (result < 0) {
            reply.open.rest = reply.open.mount = 0;
        }
    } while (walk_goes_on(&walk, &result, reply.open.rest, reply.open.mount));
    open->description = walk.file;
    if (result == 0) {
        open->secret = reply.open.secret;
        open->viewable = reply.open.viewable != 0;
        open->attributes = reply.open.attributes;
    }
    return result;
}

int64_t path_stat(int directory, const char *path, size_t bytes, uint32_t flags,
                  struct fs_attributes *attributes) {
    struct path_walk walk;
    struct fs_stat_reply reply = {0};
    const struct fs_stat_request request = {.flags = flags};
    int64_t result = walk_begin(&walk, directory, path, bytes);
    if (result < 0) {
        return result;
    }
    walk.takes_file = true;
    do {
        result = fs_stat(walk.base.handle, &request, walk.path, walk.bytes, &reply, walk.rest,
                         sizeof(walk.rest), INSTANT_NEVER);
    } while (walk_goes_on(&walk, &result, reply.rest, reply.mount));
    *attributes = reply.attributes;
    if (walk.file != NULL) {
        result = walk.file->ops->stat == NULL ? -LINUX_EACCES
                                              : walk.file->ops->stat(walk.file, attributes);
        description_release(walk.file);
    }
    return result;
}

int64_t path_set(int directory, const char *path, size_t bytes,
                 const struct fs_set_request *request) {
    struct path_walk walk;
    struct fs_set_reply reply = {0};
    int64_t result = walk_begin(&walk, directory, path, bytes);
    if (result < 0) {
        return result;
    }
    walk.takes_file = true;
    do {
        result = fs_set(walk.base.handle, request, walk.path, walk.bytes, &reply, walk.rest,
                        sizeof(walk.rest), INSTANT_NEVER);
    } while (walk_goes_on(&walk, &result, reply.rest, reply.mount));
    if (walk.file != NULL) { // nobody looks at the attributes of a pipe
        description_release(walk.file);
        result = (request->what & FS_SET_SIZE) != 0 ? -LINUX_EINVAL : 0;
    }
    return result;
}

// Two texts, one behind the other, for operations that take both. `joined` has 2 * PATH_BYTES.
static size_t join(char *joined, const char *a, size_t a_bytes, const char *b, size_t b_bytes) {
    memcpy(joined, a, a_bytes);
    memcpy(joined + a_bytes, b, b_bytes);
    return a_bytes + b_bytes;
}

int64_t path_make(int directory, const char *path, size_t bytes, struct fs_make_request *request,
                  const char *target, size_t target_bytes) {
    struct path_walk walk;
    char joined[2 * PATH_BYTES];
    struct fs_make_reply reply = {0};
    int64_t result = walk_begin(&walk, directory, path, bytes);
    if (result < 0) {
        return result;
    }
    do {
        request->path_bytes = (uint32_t)walk.bytes;
        size_t in_bytes = join(joined, walk.path, walk.bytes, target, target_bytes);
        result = fs_make(walk.base.handle, request, joined, in_bytes, &reply, walk.rest,
                         sizeof(walk.rest), INSTANT_NEVER);
    } while (walk_goes_on(&walk, &result, reply.rest, reply.mount));
    return result;
}

int64_t path_remove(int directory, const char *path, size_t bytes, bool is_directory) {
    struct path_walk walk;
    struct fs_remove_reply reply = {0};
    const struct fs_remove_request request = {.directory = is_directory};
    int64_t result = walk_begin(&walk, directory, path, bytes);
    if (result < 0) {
        return result;
    }
    do {
        result = fs_remove(walk.base.handle, &request, walk.path, walk.bytes, &reply, walk.rest,
                           sizeof(walk.rest), INSTANT_NEVER);
    } while (walk_goes_on(&walk, &result, reply.rest, reply.mount));
    return result;
}

int64_t path_read_link(int directory, const char *path, size_t bytes, char *target, size_t room) {
    struct path_walk walk;
    struct fs_read_link_reply reply = {0};
    int64_t result = walk_begin(&walk, directory, path, bytes);
    if (result < 0) {
        return result;
    }
    do {
        result = fs_read_link(walk.base.handle, walk.path, walk.bytes, &reply, walk.rest,
                              sizeof(walk.rest), INSTANT_NEVER);
    } while (walk_goes_on(&walk, &result, reply.rest, reply.mount));
    if (result < 0) {
        return result;
    }
    memcpy(target, walk.rest, reply.bytes < room ? reply.bytes : room);
    return reply.bytes;
}

// Two paths that one call takes. Nearly always both begin at the same description. If not, the new
// one is relative to another one, made for that, which the server knows by its secret.
struct pair_walk {
    struct path_walk old, new;
    handle_t described;
    uint64_t described_secret;
    size_t bytes; // of `joined`
    char joined[2 * PATH_BYTES];
};

static void pair_forget(struct pair_walk *walk) {
    if (walk->described != HANDLE_NONE) {
        (void)!sys_handle_close(walk->described);
        walk->described = HANDLE_NONE;
    }
}

// Says by what secret the server knows where the new path begins.
static int64_t pair_secret(struct pair_walk *walk, uint64_t *secret) {
    const struct path_walk *new = &walk->new;
    const struct fs_open_request request = {.flags = FS_OPEN_PATH | FS_OPEN_DIRECTORY};
    struct fs_open_reply reply = {0};
    *secret = 0;
    if (new->base.handle == walk->old.base.handle) {
        return 0;
    }
    if (walk->described == HANDLE_NONE) {
        bool absolute = new->bytes > 0 && new->path[0] == '/';
        int64_t result = fs_open(new->base.handle, &request, "/", absolute, &reply, walk->joined,
                                 sizeof(walk->joined), &walk->described, INSTANT_NEVER);
        if (result != FS_WALK_DONE) {
            return result > FS_WALK_DONE ? -LINUX_ENOENT : linux_result(result);
        }
        walk->described_secret = reply.secret;
    }
    *secret = walk->described_secret;
    return 0;
}

static int64_t pair_begin(struct pair_walk *walk, const struct path_pair *pair) {
    walk->described = HANDLE_NONE;
    walk->old.base = walk->new.base = (struct base){0};
    int64_t result = walk_begin(&walk->old, pair->old_directory, pair->old, pair->old_bytes);
    return result < 0 ? result
                      : walk_begin(&walk->new, pair->new_directory, pair->new, pair->new_bytes);
}

static void pair_end(struct pair_walk *walk) {
    base_put(&walk->old.base);
    base_put(&walk->new.base);
    pair_forget(walk);
}

// Whether the call is to be made again: as walk_goes_on, for the path that the reply is about.
static bool pair_goes_on(struct pair_walk *walk, int64_t *result, bool second, uint32_t rest,
                         uint32_t mount) {
    struct path_walk *side = second ? &walk->new : &walk->old;
    if (*result <= FS_WALK_DONE) {
        *result = linux_result(*result);
        return false;
    }
    // The out window of the call was that of the old path.
    if (second) {
        memcpy(side->rest, walk->old.rest, rest <= PATH_BYTES ? rest : 0);
    }
    bool again = walk_goes_on(side, result, rest, mount);
    if (second) {
        pair_forget(walk); // it begins elsewhere now
    }
    return again;
}

static void pair_join(struct pair_walk *walk) {
    walk->bytes =
        join(walk->joined, walk->old.path, walk->old.bytes, walk->new.path, walk->new.bytes);
}

static int64_t pair_rename(struct pair_walk *walk, uint32_t flags) {
    struct fs_rename_reply reply;
    int64_t result;
    do {
        struct fs_rename_request request = {
            .flags = flags,
            .path_bytes = (uint32_t)walk->old.bytes,
        };
        result = pair_secret(walk, &request.secret);
        if (result < 0) {
            return result;
        }
        pair_join(walk);
        result = fs_rename(walk->old.base.handle, &request, walk->joined, walk->bytes, &reply,
                           walk->old.rest, sizeof(walk->old.rest), INSTANT_NEVER);
    } while (pair_goes_on(walk, &result, reply.second != 0, reply.rest, reply.mount));
    return result;
}

static int64_t pair_link(struct pair_walk *walk, uint32_t flags) {
    struct fs_link_reply reply;
    int64_t result;
    do {
        struct fs_link_request request = {
            .flags = flags,
            .path_bytes = (uint32_t)walk->old.bytes,
        };
        result = pair_secret(walk, &request.secret);
        if (result < 0) {
            return result;
        }
        pair_join(walk);
        result = fs_link(walk->old.base.handle, &request, walk->joined, walk->bytes, &reply,
                         walk->old.rest, sizeof(walk->old.rest), INSTANT_NEVER);
    } while (pair_goes_on(walk, &result, reply.second != 0, reply.rest, reply.mount));
    return result;
}

static int64_t pair_run(const struct path_pair *pair, uint32_t flags,
                        int64_t (*operation)(struct pair_walk *, uint32_t)) {
    struct pair_walk *walk = heap_alloc_dirty(sizeof(*walk));
    if (walk == NULL) {
        return -LINUX_ENOMEM;
    }
    int64_t result = pair_begin(walk, pair);
    result = result < 0 ? result : operation(walk, flags);
    pair_end(walk);
    heap_free(walk, sizeof(*walk));
    return result;
}

int64_t path_rename(const struct path_pair *pair, uint32_t flags) {
    return pair_run(pair, flags, pair_rename);
}

int64_t path_link(const struct path_pair *pair, uint32_t flags) {
    return pair_run(pair, flags, pair_link);
}

int64_t path_in(char path[PATH_BYTES], uint64_t from, bool may_be_empty) {
    int64_t length = copy_string_in(path, from, PATH_BYTES);
    return length == 0 && !may_be_empty ? -LINUX_ENOENT : length;
}
