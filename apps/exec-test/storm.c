// SPDX-License-Identifier: MIT
//
// The storm: kills the services that its arguments name, one after the other in no order, for as
// long as the machine runs.
#include "exec_test.h"

#include <heal/pause.h>
#include <proto/svc_client.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/start.h>
#include <sys/string.h>

#define TOLD_EVERY 20
#define PAUSE_MIN MILLISECONDS(2)
#define PAUSE_MASK 0x3ffffff // 67 ms

// Kills the instance that runs now. Returns whether there was one.
static bool strike(const char *name) {
    struct svc_status_request ask = {0};
    struct svc_status_reply told;
    struct svc_kill_request order = {0};
    text_copy(ask.name, sizeof(ask.name), name);
    text_copy(order.name, sizeof(order.name), name);
    if (svc_status(start_handle("svc"), &ask, &told, INSTANT_NEVER) < 0) {
        return false;
    }
    order.instance = told.instance;
    return svc_kill(start_handle("svc"), &order, INSTANT_NEVER) >= 0;
}

int64_t storm_run(void) {
    uint64_t kills = 0;
    uint32_t victims = start_argument_count() - 1;
    if (victims == 0) {
        return 1;
    }
    for (;;) {
        uint64_t random;
        if (sys_random_get(&random, sizeof(random)) != OK) {
            return 1;
        }
        pause_in_steps(PAUSE_MIN + (int64_t)(random & PAUSE_MASK));
        bool struck = strike(start_argument(1 + (uint32_t)(random >> 40) % victims));
        kills += struck;
        if (struck && kills % TOLD_EVERY == 0) {
            log_printf("storm: %lu kills", kills);
        }
    }
}
