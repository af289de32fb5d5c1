// SPDX-License-Identifier: MIT
//
// A small supervisor of the program's own: it starts bank, queue and relay, watches for their end
// and for their heartbeats, and starts successors at once, with the arguments that the tests ask
// for. init does this in earnest (servers/init); here the tests can say when and how a service is
// to die.
#pragma once

#include <abi/info.h>
#include <abi/types.h>
#include <server/inspect.h>
#include <stdbool.h>

enum service_id { BANK, QUEUE, RELAY, SERVICES };

// Starts the three services and the thread that watches them. Ends the program when that fails.
void services_start(void);
// Discards them: their tables are closed, and all that they had is freed.
void services_stop(void);

// The root channel of a service.
handle_t service_channel(enum service_id service);

// Kills the instance that runs now, with these flags (KILL_HANG or 0). Returns whether there was
// one.
bool service_kill(enum service_id service, uint32_t flags);
// Kills it and waits until a successor is being started, with the present arguments.
void service_restart(enum service_id service);
// How often it has been started, how often a kill was for a hang that the supervisor saw, and how
// many times it ended by a fault.
uint32_t service_starts(enum service_id service);
uint32_t service_hangs(enum service_id service);
uint32_t service_faults(enum service_id service);

// The service's vault.
struct vault_summary service_summary(enum service_id service);

// Arguments of every start from now on; null: none. The texts are copied.
void service_argument(enum service_id service, const char *first, const char *second);
// The next instance dies at this stage of the `nth` call that it takes.
void service_die_once(enum service_id service, uint32_t nth, const char *stage);
// From now on each instance dies at a stage (see server/die.h): of one of the calls from the
// `after`-th on that it takes itself, or of the first one after that which gets there. Null: no
// more.
void service_die_each(enum service_id service, uint32_t after, const char *stage, const char *how);
