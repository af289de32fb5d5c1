// SPDX-License-Identifier: MIT
//
// Making a service's first instance, and its successors.
#pragma once

#include "init.h"

// Makes everything that a service has, and its first instance, and starts it. When it fails nothing
// is left. Errors: of spawn_prepare and of the native calls that it makes.
[[nodiscard]] status_t service_create(struct init *init, struct service *service);
// Starts the successor of an instance that has ended, with its handle table. When it fails the
// table is kept.
[[nodiscard]] status_t service_succeed(struct init *init, struct service *service);
// Starts the process of a record that says RUNNING. Does no harm when it runs already.
void service_go(const struct service_record *record);
