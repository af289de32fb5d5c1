// SPDX-License-Identifier: MIT

#include <files/deferral.h>

#include <core/access.h>
#include <core/process.h>
#include <proto/fs_client.h>
#include <sys/calls.h>

#define DEFER_AFTER 8 // files: a program that opens fewer is not worth a page
#define MISSES_MAX 4

static struct fs_deferral *page_of(const struct deferral *deferral) {
    uint64_t index = (uint64_t)(deferral - process_current()->deferrals.of);
    return (struct fs_deferral *)(LIBOS_DEFERRALS + index * PAGE_SIZE);
}

static void unmap(const struct deferral *deferral) {
    // It fails for what is not mapped, as in the child of a fork.
    (void)!sys_aspace_unmap(HANDLE_NONE, (vaddr_t)page_of(deferral), PAGE_SIZE);
}

static void end(struct deferral *deferral) {
    unmap(deferral);
    *deferral = (struct deferral){.state = DEFERRAL_FREE};
}

static void end_parked(struct deferral *deferral) {
    (void)!sys_handle_close(deferral->handle);
    end(deferral);
}

static struct deferral *find(struct deferrals *all, enum deferral_state state) {
    for (uint32_t i = 0; i < DEFERRALS_MAX; i++) {
        if (all->of[i].state == state) {
            return &all->of[i];
        }
    }
    return NULL;
}

struct deferral *deferral_take(void) {
    struct deferrals *all = &process_current()->deferrals;
    if (all->opens < DEFER_AFTER) {
        return NULL;
    }
    mutex_lock(&all->lock);
    struct deferral *deferral = find(all, DEFERRAL_PARKED);
    if (deferral != NULL) {
        deferral->state = DEFERRAL_OPEN;
    }
    mutex_unlock(&all->lock);
    return deferral;
}

void deferral_give_back(struct deferral *deferral, bool missed) {
    struct deferrals *all = &process_current()->deferrals;
    mutex_lock(&all->lock);
    deferral->misses = missed ? deferral->misses + 1 : 0;
    deferral->state = DEFERRAL_PARKED;
    if (deferral->shared || deferral->misses == MISSES_MAX) {
        end_parked(deferral);
    }
    mutex_unlock(&all->lock);
}

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

struct deferral *deferral_begin(handle_t handle) {
    struct deferrals *all = &process_current()->deferrals;
    if (++all->opens < DEFER_AFTER) { // an estimate, when threads meet here
        return NULL;
    }
    mutex_lock(&all->lock);
    struct deferral *deferral = find(all, DEFERRAL_FREE);
    if (deferral != NULL) {
        deferral->state = DEFERRAL_OPEN;
        deferral->handle = handle;
    }
    mutex_unlock(&all->lock);
    if (deferral == NULL || (learn_root() && map(deferral, handle))) {
        return deferral;
    }
    all->opens = 0; // not now
    mutex_lock(&all->lock);
    *deferral = (struct deferral){.state = DEFERRAL_FREE};
    mutex_unlock(&all->lock);
    return NULL;
}

bool deferral_close(struct deferral *deferral, uint64_t secret) {
    struct deferrals *all = &process_current()->deferrals;
    struct fs_deferral *page = page_of(deferral);
    uint64_t awaited;
    mutex_lock(&all->lock);
    bool kept = !deferral->shared && access_store64(&page->closed, secret) == OK;
    if (kept) {
        // One of both sides sees what the other has stored.
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        kept = access_load64(&page->awaited, &awaited) == OK && awaited != secret;
    }
    if (kept) {
        deferral->misses = 0;
        deferral->state = DEFERRAL_PARKED;
    } else {
        end(deferral);
    }
    mutex_unlock(&all->lock);
    return kept;
}

void deferrals_lock(void) {
    struct deferrals *all = &process_current()->deferrals;
    mutex_lock(&all->lock);
    for (uint32_t i = 0; i < DEFERRALS_MAX; i++) {
        struct deferral *deferral = &all->of[i];
        if (deferral->state == DEFERRAL_PARKED) {
            end_parked(deferral);
        }
        deferral->shared = deferral->state == DEFERRAL_OPEN;
    }
    all->opens = 0;
}

void deferrals_unlock(void) {
    mutex_unlock(&process_current()->deferrals.lock);
}
