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
    struct event *peer;      // fixed; null for an event alone
    struct event_pair *pair; // fixed; null for an event alone
};

struct event_pair {
    struct event ends[2];
    uint32_t alive; // atomic: ends not destroyed yet
};

static struct slab_cache event_cache = SLAB_CACHE(struct event, "event");
static struct slab_cache pair_cache = SLAB_CACHE(struct event_pair, "event pair");

static struct event *event_from(struct object *object) {
    return container_of(object, struct event, object);
}

static bool event_destroy(struct object *object) {
    struct event *event = event_from(object);
    struct event_pair *pair = event->pair;
    struct job *job = object->job;
    if (pair == NULL) {
        slab_free(&event_cache, job, event);
    } else if (__atomic_sub_fetch(&pair->alive, 1, __ATOMIC_ACQ_REL) == 0) {
        slab_free(&pair_cache, job, pair);
    }
    object_fini(job);
    return true;
}

static void event_handles_gone(struct object *object) {
    struct event *peer = event_from(object)->peer;
    if (peer != NULL) {
        source_update(&peer->source, 0, SIGNAL_EVENT_PEER_CLOSED);
    }
}

static const struct object_ops event_ops = {
    .name = "event",
    .handles_gone = event_handles_gone,
    .destroy = event_destroy,
};

static void event_init(struct event *event, struct job *job, uint64_t provider) {
    object_init(&event->object, &event_ops, OBJECT_EVENT, job, provider);
    source_init(&event->source, &event->object, 0);
}

status_t event_create(struct job *job, uint64_t provider, struct object **out) {
    void *memory;
    status_t status = slab_alloc(&event_cache, job, &memory);
    if (status != OK) {
        return status;
    }
    struct event *event = memory;
    event_init(event, job, provider);
    *out = &event->object;
    return OK;
}

status_t event_pair_create(struct job *job, uint64_t provider, struct object **first,
                           struct object **second) {
    void *memory;
    status_t status = slab_alloc(&pair_cache, job, &memory);
    if (status != OK) {
        return status;
    }
    struct event_pair *pair = memory;
    pair->alive = 2;
    for (int i = 0; i < 2; i++) {
        event_init(&pair->ends[i], job, provider);
        pair->ends[i].peer = &pair->ends[1 - i];
        pair->ends[i].pair = pair;
    }
    *first = &pair->ends[0].object;
    *second = &pair->ends[1].object;
    return OK;
}

uint32_t event_signal(struct object *event, uint32_t clear, uint32_t set) {
    assert(((clear | set) & ~SIGNALS_USER) == 0);
    return source_update(&event_from(event)->source, clear, set);
}
