// SPDX-License-Identifier: MIT
//
// Which service is to be started, restarted, given up.
#pragma once

#include "init.h"

// Replaces a service's record.
void service_commit(struct init *init, struct service *service,
                    const struct service_record *wanted);
struct service *service_find(struct init *init, const char *name);
// Whether others may start that depend on it, and use its channels.
bool service_is_up(const struct service *service);

// Looks whether the process of a running service has ended, and decides what follows.
void service_check(struct init *init, struct service *service);
// Starts what is due. Returns when it wants to be called again at the latest.
instant_t services_advance(struct init *init);
// Notes a crash, or a start that failed, in `next` and commits it: the service is to be started
// again, as the ladder says (at least at `least_step`), or has failed.
void service_crashed(struct init *init, struct service *service, struct service_record *next,
                     uint32_t least_step);
// Ends all that is left of a service and closes its handles, so that its clients see PEER_CLOSED.
void service_clear(struct init *init, struct service *service, uint32_t state);

// Orders. BAD_STATE: it is refused (start), or not running or not watched (freeze).
[[nodiscard]] status_t service_order_start(struct init *init, struct service *service);
void service_order_stop(struct init *init, struct service *service);
void service_order_kill(const struct service *service);
[[nodiscard]] status_t service_order_freeze(struct init *init, struct service *service);
