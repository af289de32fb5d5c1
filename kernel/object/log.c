// SPDX-License-Identifier: MIT
//
// The log object. The ring itself is debug/log.c: it takes lines with any lock held, so it can't
// set signals. READABLE is always set, since the ring is never empty; it is posted anew to bound
// ports after lines that come from user space.
#include <mm/slab.h>
#include <object/job.h>
#include <object/log.h>
#include <object/source.h>

struct log {
    struct object object;
    struct source source;
};

static struct slab_cache log_cache = SLAB_CACHE(struct log, "log");

static struct log *log_from(struct object *object) {
    return container_of(object, struct log, object);
}

static bool log_destroy(struct object *object) {
    struct job *job = object->job;
    source_detach(&log_from(object)->source);
    slab_free(&log_cache, job, log_from(object));
    object_fini(job);
    return true;
}

static struct source *log_source(struct object *object) {
    return &log_from(object)->source;
}

static const struct object_ops log_ops = {
    .name = "log",
    .destroy = log_destroy,
    .source = log_source,
};

status_t log_object_create(struct job *job, struct object **out) {
    void *memory;
    status_t status = slab_alloc(&log_cache, job, &memory);
    if (status != OK) {
        return status;
    }
    struct log *log = memory;
    source_init(&log->source, SIGNAL_LOG_READABLE);
    object_init(&log->object, &log_ops, OBJECT_LOG, job, 0);
    *out = &log->object;
    return OK;
}

void log_object_notify(struct object *log) {
    source_update(&log_from(log)->source, 0, SIGNAL_LOG_READABLE);
}
