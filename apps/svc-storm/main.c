// SPDX-License-Identifier: MIT
//
// Kills services at random, for tests of what goes on meanwhile. Run by init as a service
// or as its program (init.run=bin/svc-storm init.uses=svc), for as long as the machine runs:
//
//   argument mean-ms=N     milliseconds between two kills on average (300)
//   argument NAME          of a service, several
//
// It writes to the log how many it has killed, each time that these are 10 more.

#include <abi/names.h>
#include <heal/pause.h>
#include <proto/svc_client.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/start.h>
#include <sys/string.h>

#define TOLD 10
#define DEFAULT_MEAN_MS 300

static uint64_t random_below(uint64_t bound) {
    uint64_t value = 0;
    // The generator is there before any service; a failure would only make it less random.
    (void)!sys_random_get(&value, sizeof(value));
    return value % bound;
}

static uint64_t mean_ms(void) {
    uint64_t value = start_number("mean-ms", DEFAULT_MEAN_MS);
    return value != 0 ? value : DEFAULT_MEAN_MS;
}

// The n-th argument that is a name, null when there are fewer.
static const char *name_at(uint32_t n) {
    for (uint32_t i = 0; i < start_argument_count(); i++) {
        if (strchr(start_argument(i), '=') == NULL && n-- == 0) {
            return start_argument(i);
        }
    }
    return NULL;
}

// Kills the instance of a service that runs now. Returns whether there was one.
static bool kill_service(const char *name) {
    struct svc_status_request status = {0};
    struct svc_status_reply now;
    struct svc_kill_request kill = {0};
    memcpy(status.name, name, strlen(name));
    memcpy(kill.name, name, strlen(name));
    if (svc_status(start_handle("svc"), &status, &now, INSTANT_NEVER) < 0) {
        return false;
    }
    kill.instance = now.instance;
    return svc_kill(start_handle("svc"), &kill, INSTANT_NEVER) >= 0;
}

int64_t native_main(struct thread_block *block) {
    uint32_t names = 0;
    uint64_t killed = 0, mean = mean_ms();
    (void)block;
    while (name_at(names) != NULL) {
        if (strlen(name_at(names++)) >= sizeof(((struct svc_kill_request *)0)->name)) {
            return 1;
        }
    }
    while (names != 0) {
        int64_t wait = MILLISECONDS(1) * (int64_t)(1 + random_below(2 * mean));
        pause_in_steps(wait);
        bool struck = kill_service(name_at((uint32_t)random_below(names)));
        killed += struck;
        if (struck && killed % TOLD == 0) {
            log_printf("svc-storm: %lu killed", killed);
        }
    }
    return 1;
}
