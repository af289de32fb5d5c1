// SPDX-License-Identifier: MIT
//
// A view is pinned by counting in `users`, without a lock. Who gives its place to another file
// first swaps 0 for VIEW_CHANGES there, so a pinned view stays what it is; and who has pinned one
// looks whether it is still that of his file.

#include <files/view.h>

#include <core/access.h>
#include <core/clock.h>
#include <core/process.h>
#include <proto/fs_client.h>
#include <sys/calls.h>

#define VIEW_CHANGES (1u << 31)
// A view costs about as much as four calls, and a call that moves so many bytes as much again, for
// it copies them twice. So whoever opens a file, looks at it, and reads it to its end gets none.
#define VIEW_AFTER 4
#define CALL_BYTES 16384
// Of a place, the first page has the attributes, the second one the time of the last write.
#define HEAD_BYTES (2 * PAGE_SIZE)
#define CONTENTS_MAX (LIBOS_VIEW_BYTES - HEAD_BYTES)
// The least that is mapped, in one table of pages. Taking mappings away costs by what they span.
#define CONTENTS_MIN ((64UL << 10) - HEAD_BYTES)

static uint64_t page_of(const struct view *view) {
    uint64_t place = (uint64_t)(view - process_current()->views.of);
    return LIBOS_VIEWS + place * LIBOS_VIEW_BYTES;
}

static uint64_t written_of(const struct view *view) {
    return page_of(view) + PAGE_SIZE;
}

static uint64_t contents_of(const struct view *view) {
    return page_of(view) + HEAD_BYTES;
}

// ---- getting one

static bool pin(struct view *view, const struct description *file) {
    uint32_t users = __atomic_load_n(&view->users, __ATOMIC_RELAXED);
    do {
        if ((users & VIEW_CHANGES) != 0) {
            return false;
        }
    } while (!__atomic_compare_exchange_n(&view->users, &users, users + 1, true, __ATOMIC_ACQUIRE,
                                          __ATOMIC_RELAXED));
    if (view->owner == file) {
        return true;
    }
    view_put(view);
    return false;
}

void view_put(struct view *view) {
    __atomic_sub_fetch(&view->users, 1, __ATOMIC_RELEASE);
}

static bool take(struct view *view) {
    uint32_t none = 0;
    return __atomic_compare_exchange_n(&view->users, &none, VIEW_CHANGES, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

static bool map(handle_t vmo, uint64_t addr, uint64_t bytes, uint32_t access) {
    return sys_aspace_map(HANDLE_NONE, vmo, 0, addr, bytes,
                          MAP_READ | access | MAP_FIXED | MAP_INHERIT_DROP) >= 0;
}

static void unmap(const struct view *view) {
    // It fails for want of memory at worst; then the next file is mapped over what is left.
    (void)!sys_aspace_unmap(HANDLE_NONE, page_of(view), HEAD_BYTES + view->bytes);
}

// A place for a file, taken from another one if need be: the lowest that is free, because its page
// tables are there already. Null: all are in use at this moment. views.lock held.
static struct view *place_take(struct views *views) {
    struct view *oldest = NULL;
    views->any = true;
    for (uint32_t i = 0; i < LIBOS_VIEWS_MAX; i++) {
        struct view *view = &views->of[i];
        if (view->owner == NULL) {
            return take(view) ? view : NULL;
        }
        if (view->users == 0 &&
            (oldest == NULL || views->clock - view->used > views->clock - oldest->used)) {
            oldest = view;
        }
    }
    if (oldest == NULL || !take(oldest)) {
        return NULL;
    }
    __atomic_store_n(&oldest->owner->view, NULL, __ATOMIC_RELAXED);
    oldest->owner = NULL;
    unmap(oldest);
    return oldest;
}

// How much to map of a file: with room to grow, so that a file that grows is seldom mapped again.
static uint64_t contents_for(uint64_t size) {
    uint64_t bytes = CONTENTS_MIN;
    while (bytes < size && bytes < CONTENTS_MAX) {
        bytes = 2 * bytes + HEAD_BYTES;
    }
    return bytes;
}

// Maps a file in place of what is there. The mappings outlive the handles.
static bool show(struct view *view, struct description *file) {
    handle_t shown[3] = {HANDLE_NONE, HANDLE_NONE, HANDLE_NONE};
    uint64_t size = 0;
    view->writable = file->leased && fs_lease(file->handle, shown, INSTANT_NEVER) == OK;
    file->leased = view->writable;
    uint32_t access = view->writable ? MAP_WRITE : 0;
    bool mapped = (view->writable || fs_view(file->handle, shown, INSTANT_NEVER) == OK) &&
                  map(shown[0], page_of(view), PAGE_SIZE, 0) &&
                  (!view->writable || map(shown[2], written_of(view), PAGE_SIZE, MAP_WRITE));
    (void)!(mapped && view_size(view, &size)); // not to be had: it will be mapped again
    view->bytes = contents_for(size);
    mapped = mapped && map(shown[1], contents_of(view), view->bytes, access);
    if (!mapped) {
        unmap(view);
    }
    for (uint32_t i = 0; i < 3; i++) {
        if (shown[i] != HANDLE_NONE) {
            (void)!sys_handle_close(shown[i]);
        }
    }
    return mapped;
}

// Gives a place that was taken to a file, and pins it; null when there is nothing to be shown.
// views.lock held.
static struct view *place_fill(struct view *view, struct description *file) {
    bool shown = show(view, file);
    view->owner = shown ? file : NULL;
    view->outgrown = false;
    file->unseen = !shown;
    __atomic_store_n(&file->view, shown ? view : NULL, __ATOMIC_RELAXED);
    __atomic_store_n(&view->users, shown, __ATOMIC_RELEASE);
    return shown ? view : NULL;
}

// A pinned view, made or made larger now.
static struct view *view_open(struct description *file) {
    struct views *views = &process_current()->views;
    mutex_lock(&views->lock);
    struct view *view = file->view;
    if (view == NULL) {
        view = file->unseen ? NULL : place_take(views);
        view = view != NULL ? place_fill(view, file) : NULL;
    } else if ((view->outgrown || (file->leased && !view->writable)) && take(view)) {
        unmap(view);
        view = place_fill(view, file);
    } else if (!pin(view, file)) {
        view = NULL;
    }
    mutex_unlock(&views->lock);
    return view;
}

void view_missed(struct description *file, uint64_t bytes) {
    uint64_t uses = bytes / CALL_BYTES;
    file->uses += uses < VIEW_AFTER ? (uint32_t)uses : VIEW_AFTER;
}

struct view *view_get(struct description *file) {
    if (!file->viewable || file->unseen || !can_read(file)) {
        return NULL;
    }
    struct view *view = __atomic_load_n(&file->view, __ATOMIC_RELAXED);
    if (view == NULL || view->outgrown || !pin(view, file)) {
        view = ++file->uses < VIEW_AFTER ? NULL : view_open(file);
    }
    if (view != NULL) {
        view->used = ++process_current()->views.clock; // an estimate, when threads meet here
    }
    return view;
}

void view_written(struct description *file, uint64_t end) {
    if (end > file->written_to) {
        file->written_to = end;
    } else {
        // Within what was there: more of the kind may come.
        file->rewrites++;
    }
}

struct view *view_get_writable(struct description *file) {
    if (file->rewrites < VIEW_AFTER || !file->viewable || file->unseen || !can_read(file) ||
        !can_write(file)) {
        return NULL;
    }
    struct view *view = __atomic_load_n(&file->view, __ATOMIC_RELAXED);
    if (view == NULL || view->outgrown || !pin(view, file)) {
        file->leased = true;
        view = view_open(file);
    } else if (!view->writable) {
        view_put(view);
        file->leased = true;
        view = view_open(file);
    }
    if (view != NULL && !view->writable) {
        view_put(view);
        file->rewrites = 0; // refused: some more calls before it is asked for again
        return NULL;
    }
    if (view != NULL) {
        view->used = ++process_current()->views.clock;
    }
    return view;
}

void view_close(struct description *file) {
    if (file->view == NULL) {
        return;
    }
    struct views *views = &process_current()->views;
    mutex_lock(&views->lock);
    struct view *view = file->view;
    if (view != NULL) {
        // Nobody else has the description, so nobody looks, but for one who pins it by mistake and
        // finds another owner.
        view->owner = NULL;
        file->view = NULL;
        unmap(view);
    }
    mutex_unlock(&views->lock);
}

void views_begin_child(void) {
    struct views *views = &process_current()->views;
    for (uint32_t i = 0; views->any && i < LIBOS_VIEWS_MAX; i++) {
        if (views->of[i].owner != NULL) {
            views->of[i].owner->view = NULL;
        }
        views->of[i] = (struct view){0};
    }
    views->any = false;
}

// ---- looking
//
// All through the access range: whatever is wrong with the mappings is no fault of the program.

static bool load(uint64_t from, uint64_t *value) {
    return access_load64((const uint64_t *)from, value) == 0;
}

bool view_size(const struct view *view, uint64_t *size) {
    uint64_t page = page_of(view), sequence;
    return load(page, &sequence) && sequence % 2 == 0 &&
           load(page + offsetof(struct fs_page, attributes.size), size);
}

bool view_attributes(const struct view *view, struct fs_attributes *attributes) {
    uint64_t page = page_of(view), before, after, leased;
    if (!load(page, &before) || before % 2 != 0) {
        return false;
    }
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    bool copied =
        access_copy(attributes, (const void *)(page + offsetof(struct fs_page, attributes)),
                    sizeof(*attributes)) == 0;
    copied = copied && load(page + offsetof(struct fs_page, leased), &leased) && leased == 0;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return copied && load(page, &after) && after == before;
}

uint64_t view_copy(struct view *view, uint64_t to, uint64_t offset, uint64_t bytes) {
    uint64_t room = offset < view->bytes ? view->bytes - offset : 0;
    uint64_t wanted = bytes < room ? bytes : room;
    if (wanted < bytes && view->bytes < CONTENTS_MAX) {
        view->outgrown = true;
    }
    return wanted - access_copy((void *)to, (const void *)(contents_of(view) + offset), wanted);
}

enum { SPECIAL_RIGHTS = 06000 }; // SETUID and SETGID, which a write may have to take away

// Whether a write may go without a call, which would change the mode.
static bool mode_stays(const struct view *view) {
    uint32_t mode;
    return access_load32(
               (const uint32_t *)(page_of(view) + offsetof(struct fs_page, attributes.mode)),
               &mode) == 0 &&
           (mode & SPECIAL_RIGHTS) == 0;
}

uint64_t view_write(struct view *view, uint64_t from, uint64_t offset, uint64_t bytes) {
    uint64_t size;
    if (!view_size(view, &size) || offset > size || bytes > size - offset || !mode_stays(view)) {
        return 0;
    }
    if (bytes > view->bytes || offset > view->bytes - bytes) {
        view->outgrown = view->bytes < CONTENTS_MAX;
        return 0;
    }
    // Before the bytes: who finds them finds the time, whatever becomes of this process.
    if (access_store64((uint64_t *)written_of(view), (uint64_t)clock_realtime_now()) != 0) {
        return 0;
    }
    return bytes - access_copy((void *)(contents_of(view) + offset), (const void *)from, bytes);
}
