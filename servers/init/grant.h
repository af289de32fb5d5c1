// SPDX-License-Identifier: MIT
//
// The handles that a service gets, in a fixed order: so the list for a successor is made in the
// same way as that for the first instance, with the numbers noted then.
#pragma once

#include "init.h"

#include <sys/spawn.h>
#include <sys/start.h>

struct grant_list {
    uint32_t count;
    struct spawn_handle items[STATE_GIVEN_MAX];
    char names[STATE_GIVEN_MAX][START_NAME_BYTES];
    const handle_t *kept; // numbers in the kept table; null for a first instance
};

// What moves into a service when it is made.
struct grant_ends {
    handle_t port;
    handle_t endpoints[MANIFEST_PROVIDES_MAX];
    handle_t forwarder_endpoints[MANIFEST_PROVIDES_MAX];
};

// Makes a port and the channels on it that others will use; client ends go into the record. Errors
// of port_create and channel_create; what was made before stands in `ends` and `next`.
[[nodiscard]] status_t grant_make_ends(const struct init *init, const struct service *service,
                                       struct grant_ends *ends, struct service_record *next);
// Derives, from the channels that a service uses, the handles that init keeps to be able to revoke.
// Errors of handle_duplicate; NOT_FOUND: a provider is not up.
[[nodiscard]] status_t grant_make_uses(const struct init *init, const struct service *service,
                                       struct service_record *next);
// Lists everything that a service gets. `ends` is null for a successor.
void grant_fill(const struct service *service, const struct service_record *record,
                const struct grant_ends *ends, struct grant_list *list);
// The client end behind use `k` of a service, HANDLE_NONE when its provider is not up.
handle_t grant_source(const struct init *init, const struct service *service, uint32_t k);
// Rights of the channel behind use `k` in the hands of its user.
uint32_t grant_channel_rights(const struct service *service, uint32_t k);
