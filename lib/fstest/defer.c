// SPDX-License-Identifier: MIT
//
// Closes without a call: whoever dies meanwhile, a file that is closed so is closed.

#include "script_internal.h"

#include <abi/status.h>
#include <proto/fs_client.h>
#include <stddef.h>
#include <sys/calls.h>
#include <sys/string.h>

bool script_close_deferred(struct script *script, const struct script_held *held) {
    uint64_t awaited = 0;
    const size_t closed_at = offsetof(struct fs_deferral, closed);
    const size_t awaited_at = offsetof(struct fs_deferral, awaited);
    int64_t put = sys_vmo_write(held->deferral, closed_at, &held->secret, sizeof(held->secret));
    (void)script_expect(script, "vmo_write of a close", put, sizeof(held->secret));
    int64_t got = sys_vmo_read(held->deferral, awaited_at, &awaited, sizeof(awaited));
    (void)script_expect(script, "vmo_read of a deferral", got, sizeof(awaited));
    return awaited != held->secret;
}

int64_t script_reopen(struct script *script, const struct script_held *channel, uint64_t from,
                      const char *path, uint32_t flags, uint32_t mode,
                      struct fs_open_reply *reply) {
    const struct fs_reopen_request request = {.flags = flags, .mode = mode, .from = from};
    struct fs_reopen_reply again = {0};
    script->calls++;
    int64_t result = fs_reopen(channel->handle, &request, path, strlen(path), &again,
                               script->window, sizeof(script->window), DEADLINE);
    *reply = (struct fs_open_reply){.attributes = again.attributes,
                                    .secret = again.secret,
                                    .created = again.created,
                                    .viewable = again.viewable};
    return result;
}

void script_close_channel(struct script *script, struct script_held *held) {
    (void)script_expect(script, "handle_close", sys_handle_close(held->handle), OK);
    if (held->deferral != HANDLE_NONE) {
        (void)script_expect(script, "handle_close", sys_handle_close(held->deferral), OK);
    }
    held->deferral = HANDLE_NONE;
    held->kept = false;
}

void script_do_defer(struct script *script) {
    struct script_held *held = &script->held[script_chance(script, SCRIPT_HELD)];
    if (!held->used) {
        return;
    }
    bool named = script->model.nodes[held->node].links != 0;
    status_t wanted = held->deferral != HANDLE_NONE ? ERR_ALREADY_EXISTS
                      : !named                      ? ERR_BAD_STATE
                                                    : OK;
    handle_t page = HANDLE_NONE;
    script->calls++;
    if (script_expect(script, "defer", fs_defer(held->handle, &page, DEADLINE), wanted) &&
        wanted == OK) {
        held->deferral = page;
    }
}
