// SPDX-License-Identifier: MIT
//
// Views of files: the attribute page must be right after each answer, whoever died before it.

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
    held->view[0] = HANDLE_NONE;
}
