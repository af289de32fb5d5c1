// SPDX-License-Identifier: MIT
//
// The two ends of a connection and what their closing does. The client end keeps the struct's port
// alive for calls under way; the server end only says whether the service still answers.
#include <abi/flags.h>
#include <ipc/call.h>
#include <ipc/channel.h>
#include <mm/slab.h>

static struct slab_cache channel_cache = SLAB_CACHE(struct channel, "channel");

static bool end_destroyed(struct channel *channel, struct job *job) {
    assert(channel->ends != 0 && list_node_linked(&channel->port_node));
    if (__atomic_sub_fetch(&channel->ends, 1, __ATOMIC_ACQ_REL) == 0) {
        struct port *port = channel->port;
        spin_lock(&port->lock);
        list_remove(&channel->port_node);
        spin_unlock(&port->lock);
        object_unref(&port->object);
        slab_free(&channel_cache, job, channel);
    }
    object_fini(job);
    return true;
}

static bool client_destroy(struct object *object) {
    return end_destroyed(channel_from(object), object->job);
}

static bool server_destroy(struct object *object) {
    return end_destroyed(endpoint_from(object), object->job);
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
    .handles_gone = client_gone,
    .destroy = client_destroy,
};

static const struct object_ops server_ops = {
    .name = "endpoint",
    .handles_gone = server_gone,
    .destroy = server_destroy,
};

status_t channel_create(struct job *job, struct port *port, uint64_t key, uint32_t flags,
                        uint64_t provider, struct object **client, struct object **server) {
    void *memory;
    status_t status = slab_alloc(&channel_cache, job, &memory);
    if (status != OK) {
        return status;
    }
    struct channel *channel = memory;
    channel->port = port;
    channel->key = key;
    channel->forwarder = (flags & CHANNEL_FORWARDER) != 0;
    channel->closed_item.kind = PACKET_PEER_CLOSED;
    channel->ends = 2;
    spin_lock(&port->lock);
    bool alive = !port->dead && object_try_ref(&port->object);
    if (alive) {
        list_push_back(&port->channels, &channel->port_node);
    }
    spin_unlock(&port->lock);
    if (!alive) {
        slab_free(&channel_cache, job, channel);
        return ERR_BAD_STATE;
    }
    object_init(&channel->client, &client_ops, OBJECT_CHANNEL, job, provider);
    source_init(&channel->client_source, &channel->client, 0);
    object_init(&channel->server, &server_ops, OBJECT_ENDPOINT, job, provider);
    *client = &channel->client;
    *server = &channel->server;
    return OK;
}
