// SPDX-License-Identifier: MIT
#include "image.h"

status_t image_build(struct procd *procd, const struct process *process, handle_t aspace,
                     const struct image_request *request, handle_t *thread, uint64_t begin[3]) {
    (void)procd, (void)process, (void)aspace, (void)request, (void)thread, (void)begin;
    return ERR_NOT_FOUND;
}
