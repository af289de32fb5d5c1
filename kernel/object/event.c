// SPDX-License-Identifier: MIT
//
// Events. The two events of a pair lie in one allocation, which goes when both objects have gone,
// so that either may signal its peer at any time without holding a reference on it.
#include <mm/slab.h>
#include <object/event.h>
#include <object/job.h>
#include <object/source.h>

struct event {
    struct object object;
    struct source source;
    struct event *peer; // fixed; null for an event alone
};

struct event_pair {
    uint32_t sharers;
    struct event ends[2];
};

static struct slab_cache event_cache = SLAB_CACHE(struct event, "event");
static struct slab_cache pair_cache = SLAB_CACHE(struct event_pair, "event pair");

static struct event *event_from(struct object *object) {
    return container_of(object, struct event, object);
}

static void end_handles_gone(struct object *object) {
    assert(event_from(object)->peer->peer == event_from(object));
    source_update(&event_from(object)->peer->source, 0, SIGNAL_EVENT_PEER_CLOSED);
}

#define PAIR_OPS(end)                                                                              \
    {                                                                                              \
        .name = "event", .type = OBJECT_EVENT, .cache = &pair_cache,                               \
        .offset = offsetof(struct event_pair, ends[end]), .handles_gone = end_handles_gone         \
    }

status_t event_create(struct job *job, uint64_t provider, struct object **out) {
    static const struct object_ops ops = {
        .name = "event", .type = OBJECT_EVENT, .cache = &event_cache};
    status_t status = object_create(&ops, job, provider, out);
    if (status == OK) {
        source_init(&event_from(*out)->source, *out, 0);
    }
    return status;
}

status_t event_pair_create(struct job *job, uint64_t provider, struct object **first,
                           struct object **second) {
    static const struct object_ops ops[] = {PAIR_OPS(0), PAIR_OPS(1)};
    status_t status = object_create_pair(&ops[0], &ops[1], job, provider, first, second);
    if (status == OK) {
        event_from(*first)->peer = event_from(*second);
        event_from(*second)->peer = event_from(*first);
        source_init(&event_from(*first)->source, *first, 0);
        source_init(&event_from(*second)->source, *second, 0);
    }
    return status;
}

uint32_t event_signal(struct object *event, uint32_t clear, uint32_t set) {
    assert(((clear | set) & ~SIGNALS_USER) == 0);
    return source_update(&event_from(event)->source, clear, set);
}
