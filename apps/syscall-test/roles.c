// SPDX-License-Identifier: MIT
//
// The roles that several groups use, and how a child finds its role.

#include "roles.h"

#include <sys/log.h>
#include <sys/start.h>

extern const struct role *const __start_roles[];
extern const struct role *const __stop_roles[];

int64_t role_argument(void) {
    int64_t value = 0;
    for (const char *text = start_option("--arg"); text != NULL && *text != '\0'; text++) {
        value = value * 10 + (*text - '0');
    }
    return value;
}

// Ends at once with the status that it is told.
ROLE(exit) {
    sys_process_exit(role_argument());
}

// The same by returning from the main function.
ROLE(return ) {
    return role_argument();
}

ROLE(sleep) {
    (void)!sys_thread_sleep(INSTANT_NEVER, 0);
    return 1;
}

ROLE(spin) {
    while (now() != 0) {
    }
    return 1;
}

int64_t role_main(const char *name) {
    for (const struct role *const *role = __start_roles; role < __stop_roles; role++) {
        if (strcmp((*role)->name, name) == 0) {
            return (*role)->run();
        }
    }
    log_printf("syscall-test: there is no role %s", name);
    return -1;
}
