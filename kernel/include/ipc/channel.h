// SPDX-License-Identifier: MIT
//
// Channels: a connection with a client end, which is called, and a server end, bound to a port for
// good. The two ends are objects of their own; the struct goes when both have gone.
#pragma once

#include <ipc/port.h>
#include <object/object.h>
#include <object/source.h>

struct channel {
    uint32_t sharers;
    struct object client; // OBJECT_CHANNEL
    struct object server; // OBJECT_ENDPOINT
    struct source client_source, server_source;
    struct port *port;            // fixed; holds a reference
    uint64_t key;                 // fixed
    bool forwarder;               // fixed
    bool server_closed;           // guarded by port->lock
    bool client_closed;           // guarded by port->lock
    struct port_item closed_item; // PACKET_PEER_CLOSED, guarded by port->lock
    struct list_node port_node;   // in port->channels, guarded by port->lock
};

static inline struct channel *channel_from(struct object *object) {
    return container_of(object, struct channel, client);
}

static inline struct channel *endpoint_from(struct object *object) {
    return container_of(object, struct channel, server);
}

// Creates a channel; see the native call. The caller gets a reference on each end. BAD_STATE (the
// port is dead), LIMIT, NO_MEMORY.
[[nodiscard]] status_t channel_create(struct job *job, struct port *port, uint64_t key,
                                      uint32_t flags, uint64_t provider, struct object **client,
                                      struct object **server);
