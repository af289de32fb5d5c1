// SPDX-License-Identifier: MIT
//
// Views of files: the attribute page must be right after each answer, whoever died before it.
// Leases: what is written without a call is there, and so is its time.

#include "script_internal.h"

#include <abi/status.h>
#include <proto/fs_client.h>
#include <sys/calls.h>
#include <sys/string.h>

static void check_page(struct script *script, const struct script_held *held) {
    struct fs_page page = {0};
    int64_t got = sys_vmo_read(held->view[0], 0, &page, sizeof(page));
    if (script_expect(script, "read of an attribute page", got, sizeof(page))) {
        (void)script_expect(script, "an odd sequence", (int64_t)(page.sequence % 2), 0);
        if (held->lease[0] != HANDLE_NONE) {
            (void)script_expect(script, "leased", (int64_t)page.leased, 1);
        }
        script_check_attributes(script, &page.attributes, held->node);
    }
}

static void check_contents(struct script *script, const struct script_held *held) {
    const struct model_node *node = &script->model.nodes[held->node];
    memset(script->bytes, 0, sizeof(script->bytes)); // what the vmo does not have is zero
    int64_t got = node->size != 0 ? sys_vmo_read(held->view[1], 0, script->bytes, node->size) : 0;
    if (got < 0 && got != ERR_OUT_OF_RANGE) {
        script_complain(script, "read of a view", got, 0);
    }
    script_check_bytes(script, "a byte of a view", script->bytes, node->bytes, node->size);
}

void script_do_view(struct script *script, struct script_held *held) {
    if (held->view[0] != HANDLE_NONE) {
        check_contents(script, held);
        return;
    }
    bool regular = script->model.nodes[held->node].type == FS_TYPE_REGULAR;
    bool reads = (held->flags & FS_OPEN_READ) != 0 && (held->flags & FS_OPEN_PATH) == 0;
    status_t wanted = !regular ? ERR_NOT_SUPPORTED : !reads ? ERR_FORBIDDEN : OK;
    script->calls++;
    int64_t got = fs_view(held->handle, held->view, DEADLINE);
    if (script_expect(script, "view", got, wanted) && got == OK) {
        check_contents(script, held);
    } else {
        held->view[0] = HANDLE_NONE;
    }
}

static void write_leased(struct script *script, struct script_held *held) {
    struct model_node *node = &script->model.nodes[held->node];
    uint32_t offset = (uint32_t)script_chance(script, node->size + 1);
    uint32_t bytes = (uint32_t)script_chance(script, node->size - offset + 1);
    struct fs_attributes before, after;
    int64_t got = script_stat(script, held->handle, "", 0, &before);
    if (bytes == 0 || !script_expect(script, "stat before a write", got, OK)) {
        return;
    }
    for (uint32_t i = 0; i < bytes; i++) {
        node->bytes[offset + i] = (uint8_t)(script->random >> (i % 57));
    }
    int64_t now = before.changed + 1;
    (void)script_expect(script, "vmo_write of a time",
                        sys_vmo_write(held->lease[1], 0, &now, sizeof(now)), sizeof(now));
    got = sys_vmo_write(held->lease[0], offset, node->bytes + offset, bytes);
    if (got == ERR_OUT_OF_RANGE || (got >= 0 && got < bytes)) {
        // The file is longer than its memory: the rest is for a call.
        const uint32_t done = got < 0 ? 0 : (uint32_t)got;
        struct fs_write_request request = {.offset = offset + done, .size = bytes - done};
        struct fs_write_reply reply;
        script->calls++;
        got = fs_write(held->handle, &request, node->bytes + request.offset, request.size, &reply,
                       DEADLINE);
        (void)script_expect(script, "write of the rest", got, (int64_t)request.size);
        return;
    }
    got = script_stat(script, held->handle, "", 0, &after);
    if (script_expect(script, "stat after a write", got, OK)) {
        (void)script_expect(script, "time of the write", after.modified, now);
        (void)script_expect(script, "time of the change", after.changed, now);
    }
}

void script_do_lease(struct script *script, struct script_held *held) {
    if (held->lease[0] != HANDLE_NONE) {
        write_leased(script, held);
        return;
    }
    const uint32_t both = FS_OPEN_READ | FS_OPEN_WRITE;
    bool regular = script->model.nodes[held->node].type == FS_TYPE_REGULAR;
    bool allowed = (held->flags & both) == both && (held->flags & FS_OPEN_PATH) == 0;
    status_t wanted = !regular ? ERR_NOT_SUPPORTED : !allowed ? ERR_FORBIDDEN : OK;
    handle_t given[3] = {HANDLE_NONE, HANDLE_NONE, HANDLE_NONE};
    script->calls++;
    int64_t got = fs_lease(held->handle, given, DEADLINE);
    if (script_expect(script, "lease", got, wanted) && got == OK) {
        (void)script_expect(script, "handle_close", sys_handle_close(given[0]), OK);
        held->lease[0] = given[1];
        held->lease[1] = given[2];
        write_leased(script, held);
    }
}

void script_check_views(struct script *script) {
    for (uint32_t i = 0; i < SCRIPT_HELD; i++) {
        if (script->held[i].used && script->held[i].view[0] != HANDLE_NONE) {
            check_page(script, &script->held[i]);
        }
    }
}

void script_close_view(struct script *script, struct script_held *held) {
    for (uint32_t i = 0; i < 2 && held->view[0] != HANDLE_NONE; i++) {
        (void)script_expect(script, "handle_close", sys_handle_close(held->view[i]), OK);
    }
    for (uint32_t i = 0; i < 2 && held->lease[0] != HANDLE_NONE; i++) {
        (void)script_expect(script, "handle_close", sys_handle_close(held->lease[i]), OK);
    }
    held->view[0] = held->lease[0] = HANDLE_NONE;
}
