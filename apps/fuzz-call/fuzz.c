// SPDX-License-Identifier: MIT
//
// The random caller. It keeps a pool of handles, all that calls have returned, and makes calls from
// the generated table: mostly with arguments of the right kind, so that calls get far, sometimes
// with hostile ones. It may well end itself by what it does: its parent starts the next.

#include "fuzz.h"

#include <abi/grammar.h>
#include <abi/limits.h>
#include <stdbool.h>
#include <sys/calls.h>
#include <sys/message.h>
#include <sys/start.h>
#include <test/test.h>

#define POOL_MAX 64
#define ARENA_PAGES 16
#define ARENA_BYTES (ARENA_PAGES * PAGE_SIZE)
#define ARENA_ADDR 0x200000000000UL
// How often a wait has no end; the parent then ends the worker.
#define NEVER_ONE_IN 20000

struct fuzzer {
    uint64_t random;
    handle_t pool[POOL_MAX];
    uint8_t types[POOL_MAX];
    uint64_t token;     // of a call that was taken
    handle_t arena_vmo; // not in the pool
    uint8_t *arena;
};

static uint64_t below(struct fuzzer *f, uint64_t bound) {
    return test_random_below(&f->random, bound);
}

static bool chance(struct fuzzer *f, uint64_t one_in) {
    return below(f, one_in) == 0;
}

// ---- handles

static void pool_put(struct fuzzer *f, handle_t handle) {
    struct handle_info info;
    if (handle == HANDLE_NONE || sys_handle_info(handle, &info) != OK) {
        return;
    }
    uint64_t place = below(f, POOL_MAX);
    if (f->pool[place] != HANDLE_NONE && !chance(f, 50)) {
        (void)!sys_handle_close(f->pool[place]); // else it is forgotten, and so stays open
    }
    f->pool[place] = handle;
    f->types[place] = (uint8_t)info.type;
}

// A handle of this type, if a few looks find one; any other if not.
static handle_t pool_get(struct fuzzer *f, uint8_t type) {
    uint64_t start = below(f, POOL_MAX);
    for (uint64_t i = 0; type != OBJECT_NONE && i < POOL_MAX; i++) {
        uint64_t place = (start + i) % POOL_MAX;
        if (f->pool[place] != HANDLE_NONE && f->types[place] == type) {
            return f->pool[place];
        }
    }
    return f->pool[start];
}

static handle_t pick_handle(struct fuzzer *f, const struct grammar_arg *arg) {
    switch (below(f, 16)) {
    case 0:
        return HANDLE_NONE;
    case 1:
        return (handle_t)test_random(&f->random);
    case 2:
        return pool_get(f, OBJECT_NONE);
    default:
        return pool_get(f, arg->object);
    }
}

// ---- numbers and addresses

static uint64_t pick_hostile(struct fuzzer *f) {
    static const uint64_t values[] = {
        0,
        1,
        0xfff,
        0x7fffffff,
        0x80000000,
        0xffffffff,
        0x0000800000000000,
        0x00007ffffffff000,
        0xffff800000000000,
        0xffffffff80000000,
        0x7fffffffffffffff,
        0x8000000000000000,
        UINT64_MAX,
        UINT64_MAX - 0xfff,
    };
    uint64_t value = values[below(f, sizeof(values) / sizeof(values[0]))];
    return chance(f, 2) ? value : value + below(f, 64) - 32;
}

static uint64_t pick_number(struct fuzzer *f) {
    switch (below(f, 8)) {
    case 0:
        return pick_hostile(f);
    case 1:
        return test_random(&f->random) >> below(f, 64);
    case 2:
        return below(f, 16) * PAGE_SIZE;
    default:
        return below(f, 64);
    }
}

// Sizes stay such that the job's memory lasts a while.
static uint64_t pick_size(struct fuzzer *f) {
    switch (below(f, 8)) {
    case 0:
        return pick_hostile(f);
    case 1:
    case 2:
        return below(f, 300);
    default:
        return (1 + below(f, 8)) * PAGE_SIZE;
    }
}

static uint64_t pick_address(struct fuzzer *f) {
    switch (below(f, 12)) {
    case 0:
        return pick_hostile(f);
    case 1:
        return test_random(&f->random) & 0x00007fffffffffff;
    case 2:
        return (uint64_t)f->arena + below(f, ARENA_BYTES);
    default:
        return (uint64_t)f->arena + below(f, ARENA_PAGES) * PAGE_SIZE;
    }
}

// Where a call may read or write: never this program's own data, but the arena, and what is
// hostile.
static uint64_t pick_buffer(struct fuzzer *f) {
    switch (below(f, 12)) {
    case 0:
        return pick_hostile(f) | 1UL << 47; // not in the lower half
    case 1:
        return (uint64_t)f->arena + ARENA_BYTES - below(f, 64); // straddles the end
    default:
        return (uint64_t)f->arena + below(f, ARENA_BYTES / 2);
    }
}

static uint64_t pick_instant(struct fuzzer *f) {
    if (chance(f, NEVER_ONE_IN)) {
        return INSTANT_NEVER;
    }
    switch (below(f, 4)) {
    case 0:
        return (uint64_t)sys_clock_get() + below(f, 500000);
    case 1:
        return pick_hostile(f) | 1UL << 63; // long past
    default:
        return below(f, 2);
    }
}

static uint64_t pick_flags(struct fuzzer *f, const struct grammar_arg *arg) {
    uint64_t flags = test_random(&f->random) & test_random(&f->random) & arg->mask;
    return chance(f, 32) ? flags | 1UL << below(f, 64) : flags;
}

static uint64_t pick_argument(struct fuzzer *f, const struct grammar_arg *arg) {
    switch (arg->kind) {
    case GRAMMAR_HANDLE:
        return pick_handle(f, arg);
    case GRAMMAR_RIGHTS:
        return chance(f, 2) ? test_random(&f->random) & RIGHTS_ALL : below(f, 256);
    case GRAMMAR_FLAGS:
        return pick_flags(f, arg);
    case GRAMMAR_SIGNALS:
        return test_random(&f->random) & 0xffffffff;
    case GRAMMAR_ADDR:
        return pick_address(f);
    case GRAMMAR_SIZE:
        return pick_size(f);
    case GRAMMAR_IN:
    case GRAMMAR_OUT:
    case GRAMMAR_INOUT:
        return pick_buffer(f);
    case GRAMMAR_INSTANT:
        return pick_instant(f);
    case GRAMMAR_TOKEN:
        return chance(f, 3) ? pick_number(f) : f->token;
    default:
        return pick_number(f);
    }
}

// ---- calls

// Puts handles and numbers into the arena, for what calls read there. Through the vmo: a call may
// have unmapped or protected the place.
static void stir_arena(struct fuzzer *f) {
    uint32_t fresh[16];
    for (size_t i = 0; i < sizeof(fresh) / sizeof(fresh[0]); i++) {
        fresh[i] = chance(f, 2) ? pool_get(f, OBJECT_NONE) : (uint32_t)pick_number(f);
    }
    uint64_t offset = below(f, ARENA_BYTES / 2 / sizeof(fresh)) * sizeof(fresh);
    (void)!sys_vmo_write(f->arena_vmo, offset, fresh, sizeof(fresh));
}

static void stir_message(struct fuzzer *f) {
    struct message *message = message_begin((uint32_t)below(f, 8));
    message->body_bytes = (uint16_t)(chance(f, 16) ? test_random(&f->random) : below(f, 257));
    message->handle_count = (uint8_t)(chance(f, 16) ? test_random(&f->random) : below(f, 5));
    message->accept_count = (uint8_t)(chance(f, 16) ? test_random(&f->random) : below(f, 5));
    message->in = (struct window){.addr = pick_address(f), .bytes = pick_size(f)};
    message->out = (struct window){.addr = pick_address(f), .bytes = pick_size(f)};
    for (size_t i = 0; i < MESSAGE_HANDLES; i++) {
        message->handles[i] = pool_get(f, OBJECT_NONE);
    }
}

// What a call gave goes into the pool.
static void keep_result(struct fuzzer *f, const struct grammar_call *call, int64_t result) {
    if (result <= 0) {
        return;
    }
    if (call->returns == GRAMMAR_RETURNS_HANDLE && call->number != CALL_HANDLE_GIVE) {
        pool_put(f, (handle_t)result);
    } else if (call->returns == GRAMMAR_RETURNS_HANDLE_PAIR) {
        pool_put(f, handle_pair_first(result));
        pool_put(f, handle_pair_second(result));
    }
}

static void keep_packet(struct fuzzer *f) {
    const struct thread_block *block = thread_block();
    if (block->packet.kind == PACKET_CALL) {
        f->token = block->packet.token;
        for (size_t i = 0; i < MESSAGE_HANDLES; i++) {
            pool_put(f, block->message.handles[i]);
        }
    }
}

// Calls that would only end the worker are made rarely.
static bool is_welcome(struct fuzzer *f, const struct grammar_call *call) {
    switch (call->number) {
    case CALL_PROCESS_EXIT:
    case CALL_THREAD_EXIT:
    case CALL_TASK_KILL:
    case CALL_THREAD_START:
    case CALL_THREAD_RESUME:
    case CALL_ASPACE_SWAP:
        return chance(f, 100);
    default:
        return true;
    }
}

static void one_call(struct fuzzer *f, struct progress *progress) {
    const struct grammar_call *call = &grammar_calls[below(f, GRAMMAR_CALLS)];
    if (!is_welcome(f, call)) {
        return;
    }
    uint64_t *args = progress->args;
    for (uint32_t i = 0; i < 6; i++) {
        args[i] = i < call->argc ? pick_argument(f, &call->args[i]) : test_random(&f->random);
    }
    if (call->number == CALL_CHANNEL_CALL || call->number == CALL_PORT_REPLY_WAIT ||
        call->number == CALL_CALL_FOR) {
        stir_message(f);
    }
    uint32_t number = chance(f, 500) ? (uint32_t)below(f, 200) : call->number;
    progress->number = number;
    int64_t result = native_call6(number, args[0], args[1], args[2], args[3], args[4], args[5]);
    __atomic_fetch_add(&progress->calls, 1, __ATOMIC_RELAXED);
    progress->successes += result >= 0 ? 1 : 0;
    if (number == call->number) {
        keep_result(f, call, result);
        if (number == CALL_PORT_REPLY_WAIT && result == OK) {
            keep_packet(f);
        }
    }
}

// One object of each type that can be made.
static void fill_pool(struct fuzzer *f) {
    handle_t job = start_handle("job");
    for (int i = 0; i < 3; i++) {
        pool_put(f, (handle_t)sys_handle_duplicate(job, RIGHTS_JOB));
        pool_put(f, (handle_t)sys_aspace_create(job, 0));
        pool_put(f, (handle_t)sys_vmo_create(job, ARENA_BYTES, VMO_RESIZABLE));
        pool_put(f, (handle_t)sys_event_create());
        pool_put(f, (handle_t)sys_timer_create());
        pool_put(f, (handle_t)sys_port_create());
    }
    pool_put(f, (handle_t)sys_handle_duplicate(start_handle("log"), RIGHT_READ | RIGHT_WAIT));
}

void fuzz_run(uint64_t seed, uint64_t limit, struct progress *progress) {
    static struct fuzzer fuzzer;
    fuzzer.random = seed;
    fuzzer.arena_vmo = (handle_t)sys_vmo_create(HANDLE_NONE, ARENA_BYTES, 0);
    fuzzer.arena = (uint8_t *)sys_aspace_map(HANDLE_NONE, fuzzer.arena_vmo, 0, ARENA_ADDR,
                                             ARENA_BYTES, MAP_READ | MAP_WRITE | MAP_FIXED);
    fill_pool(&fuzzer);
    for (uint64_t i = 0; i < limit; i++) {
        if (i % 16 == 0) {
            stir_arena(&fuzzer);
        }
        one_call(&fuzzer, progress);
        if (i % 2000 == 1999) {
            fill_pool(&fuzzer);
        }
    }
}
