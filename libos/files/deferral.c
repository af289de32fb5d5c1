// SPDX-License-Identifier: MIT

#include <files/deferral.h>

#include <core/access.h>
#include <core/process.h>
#include <files/table.h>
#include <proto/fs_client.h>
#include <sys/calls.h>

#define DEFER_AFTER 8 // closes: a program that opens fewer files is not worth a page
#define PARKED_MAX 4
#define MISSES_MAX 4

static struct fs_deferral *page_of(const struct deferral *deferral) {
    uint64_t index = (uint64_t)(deferral - process_current()->deferrals.of);
    return (struct fs_deferral *)(LIBOS_DEFERRALS + index * PAGE_SIZE);
}

static void unmap(const struct deferral *deferral) {
    // It fails for what is not mapped, as in the child of a fork.
    (void)!sys_aspace_unmap(HANDLE_NONE, (vaddr_t)page_of(deferral), PAGE_SIZE);
}

// ---- places; lock held

static struct deferral *take(struct deferrals *all, enum deferral_state state) {
    for (uint32_t i = 0; i < DEFERRALS_MAX; i++) {
        struct deferral *deferral = &all->of[i];
        if (deferral->state == state) {
            all->used += state == DEFERRAL_FREE;
            all->parked -= state == DEFERRAL_PARKED;
            deferral->state = DEFERRAL_OPEN;
            return deferral;
        }
    }
    return NULL;
}

static void park(struct deferrals *all, struct deferral *deferral) {
    deferral->state = DEFERRAL_PARKED;
    all->parked++;
}

// Gives up one that is OPEN.
static void end(struct deferrals *all, struct deferral *deferral) {
    unmap(deferral);
    *deferral = (struct deferral){.state = DEFERRAL_FREE};
    all->used--;
}

// Gives up one that is OPEN, and its channel.
static void drop(struct deferrals *all, struct deferral *deferral) {
    (void)!sys_handle_close(deferral->handle);
    end(all, deferral);
}

// ---- opening

struct deferral *deferral_take(void) {
    struct deferrals *all = &process_current()->deferrals;
    if (__atomic_load_n(&all->parked, __ATOMIC_RELAXED) == 0) {
        return NULL;
    }
    mutex_lock(&all->lock);
    struct deferral *deferral = take(all, DEFERRAL_PARKED);
    mutex_unlock(&all->lock);
    return deferral;
}

void deferral_give_back(struct deferral *deferral, bool missed) {
    struct deferrals *all = &process_current()->deferrals;
    mutex_lock(&all->lock);
    deferral->misses = missed ? deferral->misses + 1 : 0;
    if (deferral->shared || deferral->misses == MISSES_MAX || all->parked == PARKED_MAX) {
        drop(all, deferral);
    } else {
        park(all, deferral);
    }
    mutex_unlock(&all->lock);
}

// ---- closing

// The handle of the page is not kept. MAP_INHERIT_DROP: no child has the mapping.
static bool map(const struct deferral *deferral, handle_t channel) {
    handle_t page;
    if (fs_defer(channel, &page, INSTANT_NEVER) != OK) {
        return false;
    }
    int64_t addr = sys_aspace_map(HANDLE_NONE, page, 0, (vaddr_t)page_of(deferral), PAGE_SIZE,
                                  MAP_READ | MAP_WRITE | MAP_FIXED | MAP_INHERIT_DROP);
    (void)!sys_handle_close(page);
    return addr >= 0;
}

// A path is relative to a description with a secret, and the first root has none that we know: it
// is opened once more. The old handle stays, since another thread may be using it.
static bool learn_root(void) {
    struct linux_process *process = process_current();
    const struct fs_open_request request = {.flags = FS_OPEN_PATH | FS_OPEN_DIRECTORY};
    struct fs_open_reply reply;
    char rest[1];
    handle_t root;
    if (process->places.root != 0) {
        return true;
    }
    int64_t result =
        fs_open(process->root, &request, NULL, 0, &reply, rest, sizeof(rest), &root, INSTANT_NEVER);
    if (result != FS_WALK_DONE) {
        if (result > FS_WALK_DONE) {
            (void)!sys_handle_close(root);
        }
        return false;
    }
    mutex_lock(&process->files.lock);
    process->root = root;
    process->places.root = reply.secret;
    mutex_unlock(&process->files.lock);
    return true;
}

// Tells the server by the page; false: it wants to be told by the channel. lock held.
static bool tell(const struct deferral *deferral, uint64_t secret) {
    struct fs_deferral *page = page_of(deferral);
    uint64_t awaited;
    if (deferral->shared || access_store64(&page->closed, secret) != OK) {
        return false;
    }
    // One of both sides sees what the other has stored.
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return access_load64(&page->awaited, &awaited) == OK && awaited != secret;
}

bool deferral_close(struct deferral *deferral, uint64_t secret) {
    struct deferrals *all = &process_current()->deferrals;
    mutex_lock(&all->lock);
    bool kept = all->parked < PARKED_MAX && tell(deferral, secret);
    if (kept) {
        deferral->misses = 0;
        park(all, deferral);
    } else {
        end(all, deferral);
    }
    mutex_unlock(&all->lock);
    return kept;
}

uint32_t deferral_forks(void) {
    return __atomic_load_n(&process_current()->deferrals.forks, __ATOMIC_RELAXED);
}

bool deferral_keep(const struct description *file) {
    struct deferrals *all = &process_current()->deferrals;
    mutex_lock(&all->lock);
    bool due = file->forks == all->forks && ++all->closes > DEFER_AFTER && all->parked < PARKED_MAX;
    struct deferral *deferral = due ? take(all, DEFERRAL_FREE) : NULL;
    if (deferral != NULL) {
        deferral->handle = file->handle; // a fork from here on makes it shared
    }
    mutex_unlock(&all->lock);
    if (deferral == NULL) {
        return false;
    }
    if (learn_root() && map(deferral, file->handle)) {
        return deferral_close(deferral, file->secret);
    }
    mutex_lock(&all->lock);
    all->closes = 0; // not now
    end(all, deferral);
    mutex_unlock(&all->lock);
    return false;
}

// ---- forks

void deferrals_lock(void) {
    struct deferrals *all = &process_current()->deferrals;
    mutex_lock(&all->lock);
    for (uint32_t i = 0; i < DEFERRALS_MAX && all->used != 0; i++) {
        struct deferral *deferral = &all->of[i];
        if (deferral->state == DEFERRAL_PARKED) {
            all->parked--;
            drop(all, deferral);
        }
        deferral->shared = deferral->state == DEFERRAL_OPEN;
    }
    all->closes = 0;
    all->forks++;
}

void deferrals_unlock(void) {
    mutex_unlock(&process_current()->deferrals.lock);
}
