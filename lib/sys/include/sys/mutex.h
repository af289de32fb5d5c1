// SPDX-License-Identifier: MIT
//
// A mutex for the threads of one process, on a private futex: no kernel entry while nobody
// contends. Zeroed memory is a free mutex. It knows no owner: a thread that is killed while it
// holds one leaves it locked.
#pragma once

#include <stdint.h>

struct mutex {
    uint32_t word; // 0 free, 1 held, 2 held and perhaps waited for
};

void mutex_lock(struct mutex *mutex);
void mutex_unlock(struct mutex *mutex);
