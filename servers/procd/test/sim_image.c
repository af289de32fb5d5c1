// SPDX-License-Identifier: MIT
//
// The image of first processes in the simulator (tests/sim): their thread runs a function of it.
#include "../image.h"

#include <sys/calls.h>

// In tests/sim/linux.c.
void sim_first_process(void *argument);

status_t image_load(struct procd *procd) {
    (void)procd;
    return OK;
}

status_t image_build(struct procd *procd, const struct process *process, handle_t aspace,
                     const struct image_request *request, handle_t *thread, uint64_t begin[3]) {
    (void)procd, (void)aspace, (void)request;
    int64_t made = sys_thread_create(process->process, 0);
    if (made < 0) {
        return (status_t)made;
    }
    *thread = (handle_t)made;
    begin[0] = (uint64_t)(uintptr_t)sim_first_process;
    begin[1] = begin[2] = 0;
    return OK;
}
