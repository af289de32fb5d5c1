// SPDX-License-Identifier: MIT
//
// The native calls that servers and clients make, by number; and the runtime of lib/sys that goes
// with them: start record, log, threads.

#include "kernel.h"

#include <abi/calls.h>
#include <server/point.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/log.h>
#include <sys/native_call.h>
#include <sys/thread.h>

#include "coroutine.h"
#include "log.h"

// Timers with an interval run faster: a world lives for some ten milliseconds only, and should see
// many heartbeats.
#define TIMER_HURRY 500

// ---- points

void sim_point(void) {
    if (sim.point != NULL && sim.current != NULL) {
        sim.point(sim.current);
    }
}

void sim_trap(void) {
    sim_die(EXIT_FAULT);
}

// Lets somebody else run, now and then.
static void preempt(void) {
    if (sim_random(256) < sim.preempt) {
        struct sim_thread *self = sim.current;
        coroutine_leave(self->coroutine, false);
    }
}

// ---- one function for each call that is used

#define TABLE (sim.current->process->table)

static struct sim_object *lookup(uint64_t handle, uint32_t type) {
    return sim_handle_lookup(TABLE, (handle_t)handle, type);
}

static int64_t insert_pair(struct sim_object *first, struct sim_object *second) {
    uint64_t low = sim_handle_insert(TABLE, first);
    return (int64_t)(low | (uint64_t)sim_handle_insert(TABLE, second) << 32);
}

static int64_t handle_info(handle_t handle, struct handle_info *info) {
    struct sim_object *object = lookup(handle, 0);
    if (object == NULL) {
        return ERR_BAD_HANDLE;
    }
    *info = (struct handle_info){.handle = handle, .type = object->type, .id = object->id};
    return OK;
}

static int64_t handle_duplicate(handle_t handle) {
    struct sim_object *object = lookup(handle, 0);
    return object != NULL ? (int64_t)sim_handle_insert(TABLE, object) : ERR_BAD_HANDLE;
}

static int64_t object_get(handle_t handle, void *buffer, size_t size) {
    struct sim_object *object = lookup(handle, OBJECT_VMO);
    if (object == NULL || size != sizeof(struct vmo_info)) {
        return object == NULL ? ERR_BAD_HANDLE : ERR_INVALID_ARGUMENT;
    }
    struct vmo_info info = {.size_bytes = list_entry(object, struct sim_vmo, object)->bytes};
    memcpy(buffer, &info, sizeof(info));
    return OK;
}

static int64_t object_bind(const uint64_t a[6]) {
    struct sim_object *object = lookup(a[0], 0);
    struct sim_object *port = lookup(a[1], OBJECT_PORT);
    return object == NULL || port == NULL
               ? ERR_BAD_HANDLE
               : sim_bind(object, list_entry(port, struct sim_port, object), a[2], (uint32_t)a[3]);
}

static size_t whole_pages(size_t bytes) {
    return (bytes + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
}

static int64_t vmo_create(size_t bytes) {
    bytes = whole_pages(bytes);
    return sim_handle_insert(TABLE, &sim_vmo_create(bytes)->object);
}

// Copies in two parts: a server may die between them.
static void copy(void *to, const void *from, size_t bytes) {
    memcpy(to, from, bytes / 2);
    sim_point();
    memcpy((uint8_t *)to + bytes / 2, (const uint8_t *)from + bytes / 2, bytes - bytes / 2);
}

static int64_t vmo_copy(const uint64_t a[6], bool write) {
    struct sim_object *object = lookup(a[0], OBJECT_VMO);
    if (object == NULL) {
        return ERR_BAD_HANDLE;
    }
    struct sim_vmo *vmo = list_entry(object, struct sim_vmo, object);
    if (a[1] >= vmo->bytes) {
        return ERR_OUT_OF_RANGE;
    }
    size_t bytes = a[3] < vmo->bytes - a[1] ? a[3] : vmo->bytes - a[1];
    if (write) {
        copy(sim_vmo_memory(vmo) + a[1], (const void *)a[2], bytes);
    } else {
        memcpy((void *)a[2], sim_vmo_memory(vmo) + a[1], bytes);
    }
    return (int64_t)bytes;
}

static int64_t vmo_set_size(const uint64_t a[6]) {
    struct sim_object *object = lookup(a[0], OBJECT_VMO);
    if (object == NULL) {
        return ERR_BAD_HANDLE;
    }
    struct sim_vmo *vmo = list_entry(object, struct sim_vmo, object);
    size_t bytes = whole_pages(a[1]);
    uint8_t *memory = calloc(1, bytes + 1); // of files alone, which nobody maps here
    memcpy(memory, sim_vmo_memory(vmo), bytes < vmo->bytes ? bytes : vmo->bytes);
    free(vmo->memory);
    vmo->memory = memory;
    vmo->bytes = bytes;
    return OK;
}

// A piece of a window of a taken call. There is one address space for all.
static int64_t call_copy(const uint64_t a[6], bool write) {
    struct sim_call *call = sim_call_find(a[0]);
    if (call == NULL || call->server_process != sim.current->process->id) {
        return ERR_STALE_TOKEN;
    }
    if (call->caller == NULL) {
        return ERR_CALLER_GONE;
    }
    const struct window *window = write ? &call->message.out : &call->message.in;
    if (a[1] >= window->bytes) {
        return ERR_OUT_OF_RANGE;
    }
    size_t bytes = a[3] < window->bytes - a[1] ? a[3] : window->bytes - a[1];
    // Now and then nothing, or less: as if that, or the rest, lay on an absent page.
    if (sim_random(32) == 0) {
        return ERR_NEEDS_PAGE;
    }
    bytes = bytes > 1 && sim_random(16) == 0 ? 1 + sim_random(bytes) : bytes;
    void *at = (void *)(window->addr + a[1]);
    if (write) {
        copy(at, (const void *)a[2], bytes);
    } else {
        memcpy((void *)a[2], at, bytes);
    }
    return (int64_t)bytes;
}

static int64_t random_get(uint8_t *buffer, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        buffer[i] = (uint8_t)sim_random(256);
    }
    return OK;
}

static int64_t aspace_map(handle_t vmo) {
    struct sim_object *object = lookup(vmo, OBJECT_VMO);
    return object == NULL
               ? ERR_BAD_HANDLE
               : (int64_t)sim_map(sim.current->process, list_entry(object, struct sim_vmo, object));
}

static int64_t channel_create(const uint64_t a[6]) {
    struct sim_object *port = lookup(a[0], OBJECT_PORT);
    if (port == NULL) {
        return ERR_BAD_HANDLE;
    }
    struct sim_channel *channel = sim_channel_create(list_entry(port, struct sim_port, object),
                                                     a[1], (a[2] & CHANNEL_FORWARDER) != 0);
    return insert_pair(&channel->client, &channel->server);
}

static int64_t channel_call(const uint64_t a[6]) {
    struct sim_object *object = lookup(a[0], OBJECT_CHANNEL);
    return object == NULL ? ERR_BAD_HANDLE
                          : sim_channel_call(list_entry(object, struct sim_channel, client),
                                             (instant_t)a[1], (uint32_t)a[2], NULL);
}

static int64_t call_for(const uint64_t a[6]) {
    struct sim_object *object = lookup(a[1], OBJECT_CHANNEL);
    struct sim_call *taken = sim_call_find(a[0]);
    if (object == NULL) {
        return ERR_BAD_HANDLE;
    }
    if (taken == NULL || taken->server_process != sim.current->process->id) {
        return ERR_STALE_TOKEN;
    }
    if (sim.proposed && taken->caller == NULL) {
        return ERR_CALLER_GONE;
    }
    struct sim_call origin = *taken;
    origin.sub = a[2];
    return sim_channel_call(list_entry(object, struct sim_channel, client), (instant_t)a[3],
                            (uint32_t)a[4], &origin);
}

static int64_t port_reply_wait(const uint64_t a[6]) {
    struct sim_object *port = lookup(a[0], OBJECT_PORT);
    return port == NULL ? ERR_BAD_HANDLE
                        : sim_port_reply_wait(list_entry(port, struct sim_port, object), a[1],
                                              (instant_t)a[2]);
}

static int64_t event_signal(const uint64_t a[6]) {
    struct sim_object *event = lookup(a[0], OBJECT_EVENT);
    if (event == NULL) {
        return ERR_BAD_HANDLE;
    }
    uint32_t before = event->signals;
    sim_signal(event, (uint32_t)a[1], (uint32_t)a[2]);
    return before;
}

static int64_t timer_set(const uint64_t a[6]) {
    struct sim_object *timer = lookup(a[0], OBJECT_TIMER);
    if (timer == NULL) {
        return ERR_BAD_HANDLE;
    }
    sim_timer_set(list_entry(timer, struct sim_timer, object), (instant_t)a[1],
                  (duration_t)a[2] / TIMER_HURRY);
    return OK;
}

static int64_t timer_ack(handle_t handle) {
    struct sim_object *object = lookup(handle, OBJECT_TIMER);
    if (object == NULL) {
        return ERR_BAD_HANDLE;
    }
    struct sim_timer *timer = list_entry(object, struct sim_timer, object);
    int64_t count = (int64_t)timer->count;
    timer->count = 0;
    sim_signal(object, SIGNAL_TIMER_EXPIRED, 0);
    return count;
}

static int64_t futex_wait(const uint64_t a[6]) {
    if (__atomic_load_n((const uint32_t *)a[0], __ATOMIC_SEQ_CST) != (uint32_t)a[1]) {
        return ERR_WOULD_BLOCK;
    }
    sim.current->futex = a[0];
    return sim_block(WAIT_FUTEX, (instant_t)a[3], false);
}

static int64_t futex_wake(const uint64_t a[6]) {
    int64_t woken = 0;
    list_for_each(node, &sim.threads) {
        struct sim_thread *thread = list_entry(node, struct sim_thread, node);
        if (woken < (int64_t)a[1] && thread->blocked && thread->wait == WAIT_FUTEX &&
            thread->futex == a[0] && thread->process == sim.current->process) {
            sim_wake(thread, OK);
            woken++;
        }
    }
    return woken;
}

static int64_t unmap(const uint64_t a[6]) {
    sim_unmap_all(sim.current->process, (const void *)a[1]);
    return OK;
}

// Native calls on vmos and windows; false when it is another one.
static bool call_memory(uint32_t number, const uint64_t a[6], int64_t *result) {
    switch (number) {
    case CALL_VMO_CREATE:
        *result = vmo_create(a[1]);
        return true;
    case CALL_VMO_READ:
    case CALL_VMO_WRITE:
        *result = vmo_copy(a, number == CALL_VMO_WRITE);
        return true;
    case CALL_VMO_SET_SIZE:
        *result = vmo_set_size(a);
        return true;
    case CALL_CALL_READ:
    case CALL_CALL_WRITE:
        *result = call_copy(a, number == CALL_CALL_WRITE);
        return true;
    case CALL_ASPACE_MAP:
        *result = aspace_map((handle_t)a[1]);
        return true;
    case CALL_ASPACE_UNMAP:
        *result = unmap(a);
        return true;
    default:
        return false;
    }
}

static int64_t call_native(uint32_t number, const uint64_t a[6]) {
    int64_t result;
    if (sim_process_call(number, a, &result) || call_memory(number, a, &result)) {
        return result;
    }
    switch (number) {
    case CALL_HANDLE_CLOSE:
        return sim_handle_close(TABLE, (handle_t)a[0]);
    case CALL_HANDLE_DUPLICATE:
        return handle_duplicate((handle_t)a[0]);
    case CALL_HANDLE_INFO:
        return handle_info((handle_t)a[0], (struct handle_info *)a[1]);
    case CALL_HANDLE_NEXT:
        return sim_handle_next(TABLE, (handle_t)a[1], (struct handle_info *)a[2]);
    case CALL_OBJECT_ALIVE:
        return sim_alive(a[0]);
    case CALL_OBJECT_GET:
        return object_get((handle_t)a[0], (void *)a[1], a[2]);
    case CALL_OBJECT_BIND:
        return object_bind(a);
    case CALL_RANDOM_GET:
        return random_get((uint8_t *)a[0], a[1]);
    case CALL_CLOCK_GET:
        return sim.now;
    case CALL_CHANNEL_CREATE:
        return channel_create(a);
    case CALL_CHANNEL_CALL:
        return channel_call(a);
    case CALL_CALL_FOR:
        return call_for(a);
    case CALL_PORT_REPLY_WAIT:
        return port_reply_wait(a);
    case CALL_EVENT_CREATE:
        return sim_handle_insert(TABLE, sim_event_create());
    case CALL_EVENT_SIGNAL:
        return event_signal(a);
    case CALL_TIMER_CREATE:
        return sim_handle_insert(TABLE, &sim_timer_create()->object);
    case CALL_TIMER_SET:
        return timer_set(a);
    case CALL_TIMER_ACK:
        return timer_ack((handle_t)a[0]);
    case CALL_FUTEX_WAIT:
        return futex_wait(a);
    case CALL_FUTEX_WAKE:
        return futex_wake(a);
    case CALL_THREAD_SLEEP:
        return sim_block(WAIT_SLEEP, (instant_t)a[0], (a[1] & WAIT_INTERRUPTIBLE) != 0);
    case CALL_PROCESS_EXIT:
        sim.current->process->status = (int64_t)a[0];
        sim_die(EXIT_VOLUNTARY);
    default:
        fprintf(stderr, "the simulator has no native call %u\n", number);
        abort();
    }
}

// One line for each call that has ended, for a person who looks for a fault.
static void trace(uint32_t number, const uint64_t args[6], int64_t result) {
    const struct packet *packet = &coroutine_block(sim.current->coroutine)->packet;
    fprintf(stderr, "%9ld us process %lu thread %lu: call %u (%lx %lx %lx) = %ld", sim.now / 1000,
            sim.current->process->id, sim.current->id, number, args[0], args[1], args[2], result);
    if (number == CALL_PORT_REPLY_WAIT && result == OK) {
        fprintf(stderr, ", packet %u flags %x token %lu for call %lu.%lu.%lu", packet->kind,
                packet->flags, packet->token, packet->thread, packet->call_number, packet->sub);
    }
    fputc('\n', stderr);
}

int64_t sim_native(uint32_t number, const uint64_t args[6]) {
    sim_point();
    int64_t result = call_native(number, args);
    if (sim.trace) {
        trace(number, args, result);
    }
    sim_point();
    preempt();
    return result;
}

// ---- lib/sys

handle_t start_handle(const char *name) {
    const struct start_record *record = sim.current->process->start;
    for (uint32_t i = 0; i < record->handle_count; i++) {
        if (strcmp(record->handles[i].name, name) == 0) {
            return record->handles[i].handle;
        }
    }
    return HANDLE_NONE;
}

bool start_handle_at(uint32_t index, struct start_named_handle *out) {
    const struct start_record *record = sim.current->process->start;
    if (index >= record->handle_count) {
        return false;
    }
    *out = record->handles[index];
    return true;
}

const char *start_option(const char *key) {
    const struct start_record *record = sim.current->process->start;
    size_t length = strlen(key);
    const char *value = NULL;
    for (uint32_t i = 0; i < record->argument_count; i++) {
        const char *text = &record->text[record->arguments[i]];
        if (strncmp(text, key, length) == 0 && text[length] == '=') {
            value = text + length + 1;
        }
    }
    return value;
}

status_t thread_run(struct thread *thread, void (*function)(void *argument), void *argument) {
    *thread = (struct thread){0};
    (void)sim_thread_create(sim.current->process, function, argument);
    preempt();
    return OK;
}

void log_printf(const char *format, ...) {
    va_list args;
    va_start(args, format);
    sim_log(format, args);
    va_end(args);
}

_Noreturn void panic(const char *format, ...) {
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    abort();
}

bool text_copy(char *to, size_t size, const char *from) {
    size_t length = strlen(from);
    bool fits = length < size;
    length = fits ? length : size - 1;
    memcpy(to, from, length);
    to[length] = '\0';
    return fits;
}
