// SPDX-License-Identifier: MIT
//
// Handle tables and the objects beside ports and channels.

#include "kernel.h"

#include <stdlib.h>
#include <string.h>

#define INDEX_BITS 20
#define INDEX(handle) ((handle) & ((1u << INDEX_BITS) - 1))

// ---- tables

struct sim_table *sim_table_create(void) {
    struct sim_table *table = calloc(1, sizeof(*table));
    table->capacity = 64;
    table->next = 1;
    table->slots = calloc(table->capacity, sizeof(*table->slots));
    return table;
}

void sim_table_destroy(struct sim_table *table) {
    for (uint32_t i = 1; i < table->capacity; i++) {
        if (table->slots[i].object != NULL) {
            struct sim_object *object = table->slots[i].object;
            table->slots[i].object = NULL;
            sim_object_close(object);
        }
    }
    free(table->slots);
    free(table);
}

static void table_grow(struct sim_table *table) {
    table->slots = realloc(table->slots, 2 * table->capacity * sizeof(*table->slots));
    memset(&table->slots[table->capacity], 0, table->capacity * sizeof(*table->slots));
    table->capacity *= 2;
}

handle_t sim_handle_insert(struct sim_table *table, struct sim_object *object) {
    if (table->used + 2 >= table->capacity) {
        table_grow(table);
    }
    // Slots are used in turn, so that a stale number is refused for long.
    while (table->next >= table->capacity || table->slots[table->next].object != NULL) {
        table->next = table->next + 1 < table->capacity ? table->next + 1 : 1;
    }
    struct sim_slot *slot = &table->slots[table->next];
    slot->object = object;
    table->used++;
    object->handles++;
    object->refs++;
    return slot->generation << INDEX_BITS | table->next++;
}

static struct sim_slot *slot_of(const struct sim_table *table, handle_t handle) {
    uint32_t index = INDEX(handle);
    if (index == 0 || index >= table->capacity || table->slots[index].object == NULL ||
        table->slots[index].generation != handle >> INDEX_BITS) {
        return NULL;
    }
    return &table->slots[index];
}

struct sim_object *sim_handle_lookup(const struct sim_table *table, handle_t handle,
                                     uint32_t type) {
    struct sim_slot *slot = slot_of(table, handle);
    return slot != NULL && (type == 0 || slot->object->type == type) ? slot->object : NULL;
}

status_t sim_handle_close(struct sim_table *table, handle_t handle) {
    struct sim_slot *slot = slot_of(table, handle);
    if (slot == NULL) {
        return ERR_BAD_HANDLE;
    }
    struct sim_object *object = slot->object;
    slot->object = NULL;
    slot->generation = (slot->generation + 1) & 0x7ff;
    table->used--;
    sim_object_close(object);
    return OK;
}

status_t sim_handle_next(const struct sim_table *table, handle_t cursor, struct handle_info *info) {
    for (uint32_t i = INDEX(cursor) + 1; i < table->capacity; i++) {
        const struct sim_slot *slot = &table->slots[i];
        if (slot->object != NULL) {
            *info = (struct handle_info){
                .handle = slot->generation << INDEX_BITS | i,
                .type = slot->object->type,
                .id = slot->object->id,
            };
            return OK;
        }
    }
    return ERR_NOT_FOUND;
}

// ---- objects

void sim_object_init(struct sim_object *object, uint32_t type) {
    *object = (struct sim_object){.type = type, .id = ++sim.next_id};
    list_init(&object->bindings);
    sim.objects++;
}

static void binding_drop(struct sim_binding *binding) {
    sim_port_withdraw(&binding->item);
    list_remove(&binding->source_node);
    list_remove(&binding->port_node);
    sim_object_unref(&binding->port->object);
    free(binding);
}

static void drop_bindings(struct sim_object *object) {
    list_for_each_safe(node, &object->bindings) {
        binding_drop(list_entry(node, struct sim_binding, source_node));
    }
}

void sim_object_unref(struct sim_object *object) {
    if (--object->refs != 0) {
        return;
    }
    drop_bindings(object);
    sim.objects--;
    switch (object->type) {
    case OBJECT_VMO:
        free(list_entry(object, struct sim_vmo, object)->memory);
        free(object);
        break;
    case OBJECT_TIMER: {
        struct sim_timer *timer = list_entry(object, struct sim_timer, object);
        if (list_node_linked(&timer->node)) {
            list_remove(&timer->node);
        }
        free(timer);
        break;
    }
    case OBJECT_CHANNEL:
        sim_channel_unref(list_entry(object, struct sim_channel, client));
        break;
    case OBJECT_ENDPOINT:
        sim_channel_unref(list_entry(object, struct sim_channel, server));
        break;
    case OBJECT_PORT:
        list_remove(&list_entry(object, struct sim_port, object)->node);
        free(object);
        break;
    case OBJECT_PROCESS:
        sim_process_free(sim_process_of(object));
        break;
    default:
        free(object);
    }
}

void sim_object_close(struct sim_object *object) {
    if (--object->handles == 0) {
        switch (object->type) {
        case OBJECT_PORT: {
            struct sim_port *port = list_entry(object, struct sim_port, object);
            sim_port_discard(port);
            list_for_each_safe(node, &port->bindings) {
                binding_drop(list_entry(node, struct sim_binding, port_node));
            }
            break;
        }
        case OBJECT_CHANNEL:
            sim_client_gone(list_entry(object, struct sim_channel, client));
            break;
        case OBJECT_ENDPOINT:
            sim_server_gone(list_entry(object, struct sim_channel, server));
            break;
        case OBJECT_PROCESS:
            sim_process_handles_gone(sim_process_of(object));
            break;
        default:
            break;
        }
    }
    sim_object_unref(object);
}

// ---- signals

void sim_signal(struct sim_object *object, uint32_t clear, uint32_t set) {
    object->signals = (object->signals & ~clear) | set;
    if (set == 0) {
        return;
    }
    list_for_each(node, &object->bindings) {
        struct sim_binding *binding = list_entry(node, struct sim_binding, source_node);
        if ((binding->signals & set) != 0) {
            sim_port_post(binding->port, &binding->item);
        }
    }
    list_for_each(node, &sim.threads) {
        struct sim_thread *thread = list_entry(node, struct sim_thread, node);
        if (thread->blocked && thread->wait == WAIT_OBJECT && thread->object == object &&
            (thread->signals & set) != 0) {
            sim_wake(thread, SIM_RESTART);
        }
    }
}

status_t sim_bind(struct sim_object *object, struct sim_port *port, uint64_t key,
                  uint32_t signals) {
    struct sim_binding *binding = calloc(1, sizeof(*binding));
    *binding = (struct sim_binding){
        .item = {.kind = ITEM_BINDING},
        .object = object,
        .port = port,
        .key = key,
        .signals = signals,
    };
    port->object.refs++;
    list_push_back(&object->bindings, &binding->source_node);
    list_push_back(&port->bindings, &binding->port_node);
    if ((object->signals & signals) != 0) {
        sim_port_post(port, &binding->item);
    }
    return OK;
}

void sim_binding_fill(const struct sim_binding *binding, struct packet *packet) {
    packet->key = binding->key;
    if (binding->object->type == OBJECT_TIMER) {
        packet->kind = PACKET_TIMER;
        packet->count = list_entry(binding->object, struct sim_timer, object)->count;
    } else if (binding->object->type == OBJECT_PROCESS) {
        packet->kind = PACKET_EXIT;
        packet->status = sim_process_of(binding->object)->status;
    } else {
        packet->kind = PACKET_SIGNAL;
        packet->signals = binding->object->signals & binding->signals;
    }
}

// ---- vmos, events, timers

struct sim_vmo *sim_vmo_create(size_t bytes) {
    struct sim_vmo *vmo = calloc(1, sizeof(*vmo));
    sim_object_init(&vmo->object, OBJECT_VMO);
    vmo->bytes = (bytes + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
    return vmo;
}

uint8_t *sim_vmo_memory(struct sim_vmo *vmo) {
    if (vmo->memory == NULL) {
        vmo->memory = calloc(1, vmo->bytes + 1);
    }
    return vmo->memory;
}

void *sim_map(struct sim_process *process, struct sim_vmo *vmo) {
    struct sim_mapping *mapping = calloc(1, sizeof(*mapping));
    (void)sim_vmo_memory(vmo);
    mapping->vmo = vmo;
    vmo->object.refs++;
    list_push_back(&process->mappings, &mapping->node);
    return vmo->memory;
}

// Takes the mapping of some memory away; null: all of them.
void sim_unmap_all(struct sim_process *process, const void *memory) {
    list_for_each_safe(node, &process->mappings) {
        struct sim_mapping *mapping = list_entry(node, struct sim_mapping, node);
        if (memory == NULL || mapping->vmo->memory == memory) {
            list_remove(&mapping->node);
            sim_object_unref(&mapping->vmo->object);
            free(mapping);
        }
    }
}

struct sim_object *sim_event_create(void) {
    struct sim_object *event = calloc(1, sizeof(*event));
    sim_object_init(event, OBJECT_EVENT);
    return event;
}

struct sim_timer *sim_timer_create(void) {
    struct sim_timer *timer = calloc(1, sizeof(*timer));
    sim_object_init(&timer->object, OBJECT_TIMER);
    return timer;
}

void sim_timer_set(struct sim_timer *timer, instant_t deadline, duration_t interval) {
    if (list_node_linked(&timer->node)) {
        list_remove(&timer->node);
    }
    timer->deadline = deadline;
    timer->interval = interval;
    timer->count = 0;
    sim_signal(&timer->object, SIGNAL_TIMER_EXPIRED, 0);
    if (deadline != INSTANT_NEVER) {
        list_push_back(&sim.timers, &timer->node);
    }
}

void sim_timers_expire(void) {
    list_for_each_safe(node, &sim.timers) {
        struct sim_timer *timer = list_entry(node, struct sim_timer, node);
        if (timer->deadline > sim.now) {
            continue;
        }
        timer->count++;
        if (timer->interval != 0) {
            timer->deadline = sim.now + timer->interval;
        } else {
            list_remove(&timer->node);
        }
        sim_signal(&timer->object, 0, SIGNAL_TIMER_EXPIRED);
    }
}

instant_t sim_timers_next(void) {
    instant_t next = INSTANT_NEVER;
    list_for_each(node, &sim.timers) {
        const struct sim_timer *timer = list_entry(node, struct sim_timer, node);
        next = timer->deadline < next ? timer->deadline : next;
    }
    return next;
}
