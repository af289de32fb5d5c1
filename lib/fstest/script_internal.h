// SPDX-License-Identifier: MIT
//
// What the files of the script share: calls, and comparisons with the model.
#pragma once

#include <fstest/script.h>

#include <abi/proto/fs.h>

#define DEADLINE INSTANT_NEVER // whoever runs the script notices when nothing moves

// Notes what was wrong, the first time.
void script_complain(struct script *script, const char *what, int64_t got, int64_t wanted);
// Complains when the two differ. Returns whether they are equal.
bool script_expect(struct script *script, const char *what, int64_t got, int64_t wanted);

int64_t script_open(struct script *script, handle_t base, const char *path, uint32_t flags,
                    uint32_t mode, struct fs_open_reply *reply, handle_t *handle);
// defer.c: asks for a page to close a held file by; closes the channel of one that is closed; opens
// by a channel that was kept, in place of script_open; closes without a call, and returns whether
// the channel may be kept.
int64_t script_reopen(struct script *script, const struct script_held *channel, uint64_t from,
                      const char *path, uint32_t flags, uint32_t mode, struct fs_open_reply *reply);
void script_do_defer(struct script *script);
void script_close_channel(struct script *script, struct script_held *held);
bool script_close_deferred(struct script *script, const struct script_held *held);
int64_t script_stat(struct script *script, handle_t base, const char *path, uint32_t flags,
                    struct fs_attributes *attributes);

// Compare what was got with a node of the model.
void script_check_attributes(struct script *script, const struct fs_attributes *attributes,
                             uint32_t node);
void script_check_bytes(struct script *script, const char *what, const uint8_t *got,
                        const uint8_t *wanted, uint32_t bytes);
// Reads through a description, and compares. `own`: its own offset, which is `offset`. Returns what
// the call did.
int64_t script_check_read(struct script *script, const struct script_held *held, uint32_t offset,
                          uint32_t size, bool own);
// view.c: asks for the view of a held file, or compares all of one that is there; compares the
// attribute pages of all held files; lets one go.
void script_do_view(struct script *script, struct script_held *held);
void script_check_views(struct script *script);
// Writes into a held file without a call, once there is a lease; asks for one before.
void script_do_lease(struct script *script, struct script_held *held);
// Random numbers of the script, below a bound.
uint64_t script_chance(struct script *script, uint64_t bound);
void script_close_view(struct script *script, struct script_held *held);
// Everything below a directory.
void script_check_tree(struct script *script, handle_t handle, uint32_t directory, uint32_t depth);

#define SCRIPT_DEPTH_MAX 24
