// SPDX-License-Identifier: MIT
//
// Closing without a call (FS `defer`): a process that opens many files keeps a few channels of
// descriptions that it has closed, and opens the next files by them (`reopen`): then the server has
// no channel to make, to hand over, and to take away again.
//
// It is for descriptions that no other process has. A fork ends all of it.
#pragma once

#include <abi/types.h>
#include <stdbool.h>
#include <sys/mutex.h>

#define DEFERRALS_MAX 16

struct description;

enum deferral_state {
    DEFERRAL_FREE,
    DEFERRAL_OPEN,   // a description has it, or an open is under way
    DEFERRAL_PARKED, // its description is closed
};

struct deferral {
    uint32_t state; // enum deferral_state
    bool shared;    // OPEN: another process has the description, too
    uint32_t misses;
    handle_t handle; // of the channel
};

struct deferrals {
    struct mutex lock;
    // Guarded by lock:
    uint32_t closes; // of files that could have been kept, since the last fork
    uint32_t used;   // not FREE
    uint32_t parked;
    uint32_t forks;
    struct deferral of[DEFERRALS_MAX];
};

// A channel to open a file by, for the caller; null: there is none. It is to become a
// description's, or to be given back: `missed` when its server would not do it.
struct deferral *deferral_take(void);
void deferral_give_back(struct deferral *deferral, bool missed);
// What was opened by a channel that was kept, and has this secret, is closed. False: the channel
// has to be closed as well, and is the caller's.
[[nodiscard]] bool deferral_close(struct deferral *deferral, uint64_t secret);
// A description that was opened by a channel of its own ends. Whether the channel is kept, closed
// without a call; false: it has to be closed.
[[nodiscard]] bool deferral_keep(const struct description *file);
// How many forks there were: after another one, a description that was opened before is shared.
uint32_t deferral_forks(void);
// Closes what is kept; what is open is going to be closed by its channel. Before a fork, over which
// the lock is held, and before an exec.
void deferrals_lock(void);
void deferrals_unlock(void);
