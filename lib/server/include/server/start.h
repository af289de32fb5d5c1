// SPDX-License-Identifier: MIT
//
// The contract between a service and its supervisor.
//
// The supervisor makes the port, the vault and the root channels before the first start, gives them
// to the service by name, and starts every successor with the dead one as its predecessor: the
// handle table passes on, so the start record of a successor names the very same numbers and grants
// nothing anew. All instances of a service run in one job, with PROCESS_KEEP.
//
//   handle       what                                                            rights
//   port         where packets arrive                                            READ MANAGE
//   vault        vmo, at least vault_bytes() long, all zero at the first start   READ WRITE MAP
//   heartbeat    event; SERVER_BEAT is set at least every SERVER_BEAT_NS         SIGNAL
//   log          the kernel log (optional)                                       WRITE
//   endpoint...  server ends of root channels, key 0; the library ignores names that it does not
//   know
//                and never closes a handle of the start record
//   NAME         a client end for each peer that the service calls, bound as FORWARDER at the peer
//
//   argument            meaning
//   after=CAUSE         why there is a new instance: fault or hang count against the request that
//   was
//                       being served; absent, exit and kill don't
//   vault=reset         give all state up and start empty (the ladder's third rung)
//   die-at=N:STAGE, die-how=HOW, poison=VALUE    see server/die.h; for tests
//
// A heartbeat: the supervisor clears SERVER_BEAT and looks again after SERVER_BEAT_NS. A server
// that was runnable all the time and missed SERVER_BEATS_MISSED of them hangs: task_kill with
// KILL_HANG. The beat is made by the loop, out of a timer packet that stands in the same queue as
// the calls, so it costs a call nothing and a frozen or looping handler stops it.
#pragma once

#include <abi/types.h>

#define SERVER_PORT "port"
#define SERVER_VAULT "vault"
#define SERVER_HEARTBEAT "heartbeat"

#define SERVER_BEAT 1u // signal bit of the heartbeat event
#define SERVER_BEAT_NS MILLISECONDS(250)
#define SERVER_BEATS_MISSED 4

// Statuses with which a service ends by itself.
enum server_exit {
    SERVER_EXIT_START =
        120, // a handle of the contract is missing, or memory: starting again is no use
    SERVER_EXIT_CORRUPT =
        121,                // the vault can't be adopted: start with vault=reset, and say so loudly
    SERVER_EXIT_PORT = 122, // the port was discarded
};
