// SPDX-License-Identifier: MIT
//
// Interrupt objects: a line of an interrupt controller, its signal PENDING, and a count.
//
// A line belongs to one object at most. interrupt_fired finds it without a lock: an object leaves
// the table when its last handle is closed, and its memory stays until every kernel entry that may
// have seen it there has ended. The line is masked while nobody has it.
#include <arch/interrupt.h>
#include <debug/log.h>
#include <mm/slab.h>
#include <object/device.h>
#include <object/job.h>
#include <object/source.h>

struct interrupt {
    struct object object;
    struct source source; // its lock guards the count
    uint32_t line;        // fixed
    uint64_t count;       // how often it has fired since the last interrupt_ack
};

static struct slab_cache interrupt_cache = SLAB_CACHE(struct interrupt, "interrupt");
static struct interrupt *owners[INTERRUPT_LINES_MAX]; // atomic

static struct interrupt *interrupt_from(struct object *object) {
    return container_of(object, struct interrupt, object);
}

static void interrupt_handles_gone(struct object *object) {
    struct interrupt *interrupt = interrupt_from(object);
    assert(owners[interrupt->line] == interrupt);
    arch_interrupt_mask(interrupt->line);
    __atomic_store_n(&owners[interrupt->line], NULL, __ATOMIC_RELEASE);
}

static const struct object_ops interrupt_ops = {
    .name = "interrupt",
    .type = OBJECT_INTERRUPT,
    .packet_kind = PACKET_INTERRUPT,
    .cache = &interrupt_cache,
    .handles_gone = interrupt_handles_gone,
};

status_t interrupt_create(uint32_t line, struct job *job, uint64_t provider, struct object **out) {
    if (line >= arch_interrupt_count()) {
        return ERR_NOT_SUPPORTED;
    }
    status_t status = object_create(&interrupt_ops, job, provider, out);
    if (status != OK) {
        return status;
    }
    struct interrupt *interrupt = interrupt_from(*out);
    struct interrupt *nobody = NULL;
    interrupt->line = line;
    source_init(&interrupt->source, *out, 0);
    if (!__atomic_compare_exchange_n(&owners[line], &nobody, interrupt, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED)) {
        status = ERR_ALREADY_EXISTS;
    } else if (arch_interrupt_enable(line) != OK) {
        __atomic_store_n(&owners[line], NULL, __ATOMIC_RELEASE);
        status = ERR_NOT_SUPPORTED;
    }
    if (status != OK) {
        object_free(*out);
    }
    return status;
}

void interrupt_fired(uint32_t line) {
    assert(line < INTERRUPT_LINES_MAX);
    assert(spin_none_held());
    struct interrupt *interrupt = __atomic_load_n(&owners[line], __ATOMIC_ACQUIRE);
    if (interrupt == NULL) {
        arch_interrupt_mask(line);
        log_line("interrupt: nobody wants line %u", line);
        return;
    }
    spin_lock(&interrupt->source.lock);
    interrupt->count++;
    source_update_locked(&interrupt->source, 0, SIGNAL_INTERRUPT_PENDING);
    spin_unlock(&interrupt->source.lock);
}

uint64_t interrupt_ack(struct object *object) {
    struct interrupt *interrupt = interrupt_from(object);
    spin_lock(&interrupt->source.lock);
    uint64_t count = interrupt->count;
    interrupt->count = 0;
    source_update_locked(&interrupt->source, SIGNAL_INTERRUPT_PENDING, 0);
    spin_unlock(&interrupt->source.lock);
    arch_interrupt_unmask(interrupt->line);
    return count;
}
