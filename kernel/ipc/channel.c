// SPDX-License-Identifier: MIT
//
// The two ends of a connection and what their closing does. The client end keeps the struct's port
// alive for calls under way; the server end only says whether the service still answers.
#include <abi/flags.h>
#include <ipc/call.h>
#include <ipc/channel.h>
#include <mm/slab.h>

static struct slab_cache channel_cache = SLAB_CACHE(struct channel, "channel");

static bool channel_destroy(struct object *object) {
    struct channel *channel = object_struct(object);
    struct port *port = channel->port;
    if (port != NULL) { // channel_create did not fail
        spin_lock(&port->lock);
        assert(list_node_linked(&channel->port_node));
        list_remove(&channel->port_node);
        spin_unlock(&port->lock);
        object_unref(&port->object);
    }
    return true;
}

// The server learns that nobody will call any more.
static void client_gone(struct object *object) {
    struct channel *channel = channel_from(object);
    struct port *port = channel->port;
    spin_lock(&port->lock);
    assert(!channel->client_closed);
    channel->client_closed = true;
    if (!channel->server_closed) {
        port_post_locked(port, &channel->closed_item);
    }
    spin_unlock(&port->lock);
    source_update(&channel->server_source, 0, SIGNAL_ENDPOINT_PEER_CLOSED);
}

// Ends every call of the channel, in whatever state, and tells the clients.
static void server_gone(struct object *object) {
    struct channel *channel = endpoint_from(object);
    struct port *port = channel->port;
    spin_lock(&port->lock);
    assert(!channel->server_closed);
    channel->server_closed = true;
    port_withdraw_locked(&channel->closed_item);
    spin_unlock(&port->lock);
    port_end_calls(port, channel, ERR_PEER_CLOSED);
    source_update(&channel->client_source, 0, SIGNAL_CHANNEL_PEER_CLOSED);
}

static const struct object_ops client_ops = {
    .name = "channel",
    .type = OBJECT_CHANNEL,
    .cache = &channel_cache,
    .offset = offsetof(struct channel, client),
    .handles_gone = client_gone,
    .destroy = channel_destroy,
};

static const struct object_ops server_ops = {
    .name = "endpoint",
    .type = OBJECT_ENDPOINT,
    .cache = &channel_cache,
    .offset = offsetof(struct channel, server),
    .handles_gone = server_gone,
    .destroy = channel_destroy,
};

status_t channel_create(struct job *job, struct port *port, uint64_t key, uint32_t flags,
                        uint64_t provider, struct object **client, struct object **server) {
    status_t status = object_create_pair(&client_ops, &server_ops, job, provider, client, server);
    if (status != OK) {
        return status;
    }
    struct channel *channel = channel_from(*client);
    source_init(&channel->client_source, *client, 0);
    source_init(&channel->server_source, *server, 0);
    channel->key = key;
    channel->forwarder = (flags & CHANNEL_FORWARDER) != 0;
    channel->closed_item.kind = PACKET_PEER_CLOSED;
    spin_lock(&port->lock);
    if (!port->dead && object_try_ref(&port->object)) {
        channel->port = port;
        list_push_back(&port->channels, &channel->port_node);
    }
    spin_unlock(&port->lock);
    if (channel->port == NULL) {
        object_unref(*client);
        object_unref(*server);
        return ERR_BAD_STATE;
    }
    return OK;
}
