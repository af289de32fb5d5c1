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

static const struct object_ops log_ops = {
    .name = "log",
    .type = OBJECT_LOG,
    .cache = &log_cache,
};

status_t log_object_create(struct job *job, struct object **out) {
    status_t status = object_create(&log_ops, job, 0, out);
    if (status == OK) {
        source_init(&log_from(*out)->source, *out, SIGNAL_LOG_READABLE);
    }
    return status;
}

void log_object_notify(struct object *log) {
    source_update(&log_from(log)->source, 0, SIGNAL_LOG_READABLE);
}
