// SPDX-License-Identifier: MIT
//
// Random races on handles, calls, threads, futexes and memory. A failure repeats, as far as timing
// lets it, with --seed= and the number that is printed; in a debug build the
// kernel asserts its invariants meanwhile.

#include "races.h"
#include "roles.h"

#include <sys/message.h>

// Says which seed this run has, once.
static void print_seed(void) {
    static bool printed;
    if (!printed) {
        test_figure("races: seed 0x%lx, %lu rounds", suite.seed, suite.rounds);
        printed = true;
    }
}

static bool chance(uint64_t *random, uint64_t one_in) {
    return test_random_below(random, one_in) == 0;
}

// A short while from now, sometimes past already.
static instant_t soon(uint64_t *random) {
    return in((duration_t)test_random_below(random, 300000) - 50000);
}

// ---- handles: duplicate, close, use and revoke

#define HANDLE_SLOTS 32

// Slots that all threads read and write; a slot may hold a handle that is closed by now.
struct handle_race {
    handle_t root;
    handle_t slots[HANDLE_SLOTS]; // atomic
};

static handle_t pick_slot(struct handle_race *r, uint64_t *random) {
    return __atomic_load_n(&r->slots[test_random_below(random, HANDLE_SLOTS)], __ATOMIC_RELAXED);
}

static void derive_step(struct race *race, uint64_t *random) {
    struct handle_race *r = race->context;
    handle_t parent = chance(random, 3) ? r->root : pick_slot(r, random);
    int64_t made = sys_handle_duplicate(parent, RIGHTS_EVENT);
    CHECK(made > 0 || made == ERR_BAD_HANDLE || made == ERR_BUSY);
    if (made > 0) {
        handle_t *slot = &r->slots[test_random_below(random, HANDLE_SLOTS)];
        handle_t old = __atomic_exchange_n(slot, (handle_t)made, __ATOMIC_SEQ_CST);
        status_t status = sys_handle_close(old);
        CHECK(status == OK || status == ERR_BAD_HANDLE);
    }
}

static void revoke_step(struct race *race, uint64_t *random) {
    struct handle_race *r = race->context;
    handle_t handle = chance(random, 4) ? r->root : pick_slot(r, random);
    status_t status = sys_handle_revoke(handle);
    CHECK(status == OK || status == ERR_BAD_HANDLE);
}

static void use_step(struct race *race, uint64_t *random) {
    struct handle_race *r = race->context;
    handle_t handle = pick_slot(r, random);
    int64_t result =
        chance(random, 2) ? sys_event_signal(handle, 1, 0) : sys_object_wait(handle, 1, 0, 0);
    CHECK(result >= 0 || result == ERR_BAD_HANDLE || result == ERR_TIMED_OUT);
}

static void close_step(struct race *race, uint64_t *random) {
    struct handle_race *r = race->context;
    handle_t *slot = &r->slots[test_random_below(random, HANDLE_SLOTS)];
    status_t status = sys_handle_close(__atomic_exchange_n(slot, HANDLE_NONE, __ATOMIC_SEQ_CST));
    CHECK(status == OK || status == ERR_BAD_HANDLE);
}

TEST(races_handles) {
    enum { ROUNDS = 400 };
    print_seed();
    uint64_t batches = race_batches(ROUNDS * 4, 40);
    for (uint64_t batch = 0; batch < batches; batch++) {
        struct handle_race r = {.root = expect_handle(sys_event_create())};
        struct race race = {.context = &r,
                            .thread_count = 4,
                            .steps = {derive_step, revoke_step, use_step, close_step},
                            .rounds = ROUNDS};
        race_run(&race, race_seed(1, batch));
        CHECK_EQ(sys_handle_revoke(r.root), OK);
        for (size_t i = 0; i < HANDLE_SLOTS; i++) {
            CHECK(!handle_is_live(r.slots[i]));
        }
        drop(r.root);
    }
}

// ---- mappings that are revoked while they are used

struct map_race {
    handle_t root;
    uint32_t maps; // atomic
};

static void map_step(struct race *race, uint64_t *random) {
    struct map_race *r = race->context;
    int64_t child = sys_handle_duplicate(r->root, RIGHTS_VMO);
    if (child < 0) {
        CHECK_EQ(child, ERR_BUSY);
        return;
    }
    int64_t addr =
        sys_aspace_map(HANDLE_NONE, (handle_t)child, 0, 0, 4 * PAGE_SIZE, MAP_READ | MAP_WRITE);
    CHECK(addr > 0 || addr == ERR_BAD_HANDLE || addr == ERR_BUSY);
    if (addr > 0) {
        __atomic_fetch_add(&r->maps, 1, __ATOMIC_RELAXED);
        // By the kernel's hand: the mapping may go at any moment.
        status_t status =
            sys_random_get((void *)(addr + (int64_t)test_random_below(random, 8192)), 8);
        CHECK(status == OK || status == ERR_FAULT);
        status = sys_aspace_protect(HANDLE_NONE, (vaddr_t)addr, PAGE_SIZE, MAP_READ);
        CHECK(status == OK || status == ERR_NOT_FOUND);
        CHECK_EQ(sys_aspace_unmap(HANDLE_NONE, (vaddr_t)addr, 4 * PAGE_SIZE), OK);
    }
    status_t status = sys_handle_close((handle_t)child);
    CHECK(status == OK || status == ERR_BAD_HANDLE);
}

static void map_revoke_step(struct race *race, uint64_t *random) {
    const struct map_race *r = race->context;
    CHECK_EQ(sys_handle_revoke(r->root), OK);
    if (chance(random, 4)) {
        status_t status = sys_vmo_decommit(r->root, 0, 2 * PAGE_SIZE);
        CHECK_EQ(status, OK);
    }
}

TEST(races_mappings) {
    enum { ROUNDS = 150 };
    print_seed();
    uint64_t batches = race_batches(ROUNDS * 4, 2); // each step waits for all CPUs several times
    for (uint64_t batch = 0; batch < batches; batch++) {
        struct map_race r = {.root = expect_handle(sys_vmo_create(HANDLE_NONE, 4 * PAGE_SIZE, 0))};
        struct race race = {.context = &r,
                            .thread_count = 4,
                            .steps = {map_step, map_step, map_step, map_revoke_step},
                            .rounds = ROUNDS};
        // Threads of one process map where others have just been unmapped, so an unmap may hit a
        // neighbour's mapping; that is this program's own race, and it is meant.
        race_run(&race, race_seed(2, batch));
        CHECK(r.maps > 0);
        CHECK_EQ(sys_handle_revoke(r.root), OK);
        struct vmo_info info;
        CHECK_EQ(sys_object_get(r.root, &info, sizeof(info)), OK);
        CHECK_EQ(info.mappings, 0);
        drop(r.root);
    }
}

// ---- memory: copy-on-write, faults, protection and shrinking of the same pages

#define MEMORY_PAGES 16

struct memory_race {
    handle_t vmo;
    vaddr_t addr;
};

static void fault_step(struct race *race, uint64_t *random) {
    const struct memory_race *r = race->context;
    vaddr_t at = r->addr + test_random_below(random, MEMORY_PAGES) * PAGE_SIZE;
    uint64_t word = 0;
    status_t status = sys_random_get((void *)at, sizeof(word));
    CHECK(status == OK || status == ERR_FAULT);
    (void)!sys_vmo_read(r->vmo, at - r->addr, &word, sizeof(word));
}

static void clone_step(struct race *race, uint64_t *random) {
    const struct memory_race *r = race->context;
    uint64_t page = test_random_below(random, MEMORY_PAGES - 2);
    int64_t clone = sys_vmo_clone(r->vmo, page * PAGE_SIZE, 2 * PAGE_SIZE,
                                  chance(random, 2) ? CLONE_AT_WRITE : 0);
    CHECK(clone > 0 || clone == ERR_OUT_OF_RANGE);
    if (clone > 0) {
        uint64_t word = test_random(random);
        uint64_t back = 0;
        int64_t written = sys_vmo_write((handle_t)clone, 8, &word, sizeof(word));
        CHECK(written == 8 || written == ERR_OUT_OF_RANGE);
        if (written == 8) {
            CHECK_EQ(sys_vmo_read((handle_t)clone, 8, &back, sizeof(back)), 8);
            CHECK_EQ(back, word); // nobody else writes to this clone
        }
        drop((handle_t)clone);
    }
}

static void shape_step(struct race *race, uint64_t *random) {
    const struct memory_race *r = race->context;
    uint64_t page = test_random_below(random, MEMORY_PAGES);
    status_t status;
    switch (test_random_below(random, 4)) {
    case 0:
        status = sys_vmo_set_size(r->vmo, (page + 1) * PAGE_SIZE);
        break;
    case 1:
        status = sys_vmo_set_size(r->vmo, MEMORY_PAGES * PAGE_SIZE);
        break;
    case 2:
        status = sys_vmo_decommit(r->vmo, page * PAGE_SIZE, PAGE_SIZE);
        break;
    default:
        status = sys_aspace_protect(HANDLE_NONE, r->addr + page * PAGE_SIZE, PAGE_SIZE,
                                    chance(random, 2) ? MAP_READ : MAP_READ | MAP_WRITE);
        break;
    }
    CHECK(status == OK || status == ERR_OUT_OF_RANGE);
}

TEST(races_memory) {
    enum { ROUNDS = 300 };
    print_seed();
    uint64_t batches = race_batches(ROUNDS * 4, 8);
    for (uint64_t batch = 0; batch < batches; batch++) {
        struct memory_race r = {.vmo = expect_handle(sys_vmo_create(
                                    HANDLE_NONE, MEMORY_PAGES * PAGE_SIZE, VMO_RESIZABLE))};
        int64_t addr = sys_aspace_map(HANDLE_NONE, r.vmo, 0, 0, MEMORY_PAGES * PAGE_SIZE,
                                      MAP_READ | MAP_WRITE);
        REQUIRE(addr > 0);
        r.addr = (vaddr_t)addr;
        struct race race = {.context = &r,
                            .thread_count = 4,
                            .steps = {fault_step, clone_step, shape_step, fault_step},
                            .rounds = ROUNDS};
        race_run(&race, race_seed(3, batch));
        pages_unmap((void *)r.addr, MEMORY_PAGES);
        drop(r.vmo);
    }
}

// ---- futexes: wait, wake, requeue, time out, interrupt

#define FUTEX_WORDS 4

struct futex_race {
    uint32_t words[FUTEX_WORDS];
    struct thread waiters[2];
};

static void futex_wait_step(struct race *race, uint64_t *random) {
    struct futex_race *r = race->context;
    uint32_t *word = &r->words[test_random_below(random, FUTEX_WORDS)];
    uint32_t flags = chance(random, 3) ? FUTEX_INTERRUPTIBLE : 0;
    flags |= chance(random, 4) ? FUTEX_SHARED : 0;
    status_t status = sys_futex_wait((vaddr_t)word, 0, 1, soon(random), flags);
    CHECK(status == OK || status == ERR_TIMED_OUT || status == ERR_INTERRUPTED);
    __atomic_store_n(&thread_block()->latched, 0, __ATOMIC_SEQ_CST);
}

static void futex_wake_step(struct race *race, uint64_t *random) {
    struct futex_race *r = race->context;
    vaddr_t a = (vaddr_t)&r->words[test_random_below(random, FUTEX_WORDS)];
    vaddr_t b = (vaddr_t)&r->words[test_random_below(random, FUTEX_WORDS)];
    uint32_t flags = chance(random, 4) ? FUTEX_SHARED : 0;
    int64_t result = chance(random, 2) ? sys_futex_wake(a, 2, 1, flags)
                                       : sys_futex_requeue(a, 1, b, 2, 0, flags);
    CHECK((result >= 0 && result <= 4) || (a == b && result == ERR_INVALID_ARGUMENT));
}

TEST(races_futexes) {
    enum { ROUNDS = 200 };
    print_seed();
    uint64_t batches = race_batches(ROUNDS * 5, 10);
    for (uint64_t batch = 0; batch < batches; batch++) {
        struct futex_race r = {0};
        struct race race = {.context = &r,
                            .thread_count = 5,
                            .steps = {futex_wait_step, futex_wait_step, futex_wait_step,
                                      futex_wake_step, futex_wake_step},
                            .rounds = ROUNDS};
        race_run(&race, race_seed(4, batch));
    }
}

// ---- streams and events: waiting while ends are closed

struct stream_race {
    handle_t ends[2]; // atomic; replaced by new ones again and again
    handle_t port;
};

static void stream_io_step(struct race *race, uint64_t *random) {
    struct stream_race *r = race->context;
    uint8_t buffer[600];
    memset(buffer, 1, sizeof(buffer));
    size_t size = 1 + test_random_below(random, sizeof(buffer));
    handle_t end = __atomic_load_n(&r->ends[test_random_below(random, 2)], __ATOMIC_RELAXED);
    int64_t result = chance(random, 2) ? sys_stream_read(end, buffer, size, soon(random), 0)
                                       : sys_stream_write(end, buffer, size, soon(random), 0);
    CHECK(result >= 0 || result == ERR_BAD_HANDLE || result == ERR_TIMED_OUT ||
          result == ERR_PEER_CLOSED);
}

static void stream_swap_step(struct race *race, uint64_t *random) {
    struct stream_race *r = race->context;
    int64_t pair = sys_stream_create(STREAM_MIN_BYTES, STREAM_DUPLEX);
    if (pair < 0) {
        CHECK_EQ(pair, OK);
        return;
    }
    (void)!sys_object_bind(handle_pair_first(pair), r->port, 1, SIGNALS_STREAM);
    handle_t fresh[2] = {handle_pair_first(pair), handle_pair_second(pair)};
    for (size_t i = 0; i < 2; i++) {
        (void)!sys_handle_close(__atomic_exchange_n(&r->ends[i], fresh[i], __ATOMIC_SEQ_CST));
        sleep_for((duration_t)test_random_below(random, 20000));
    }
}

static void stream_port_step(struct race *race, uint64_t *random) {
    const struct stream_race *r = race->context;
    status_t status = sys_port_reply_wait(r->port, 0, soon(random), 0);
    CHECK(status == OK || status == ERR_TIMED_OUT);
}

TEST(races_streams) {
    enum { ROUNDS = 100 };
    print_seed();
    uint64_t batches = race_batches(ROUNDS * 5, 10);
    for (uint64_t batch = 0; batch < batches; batch++) {
        struct stream_race r = {.port = expect_handle(sys_port_create())};
        struct race race = {.context = &r,
                            .thread_count = 5,
                            .steps = {stream_io_step, stream_io_step, stream_io_step,
                                      stream_swap_step, stream_port_step},
                            .rounds = ROUNDS};
        race_run(&race, race_seed(5, batch));
        (void)!sys_handle_close(r.ends[0]);
        (void)!sys_handle_close(r.ends[1]);
        drop(r.port);
    }
}

// ---- timers: set, acknowledge, close while they expire

struct timer_race {
    handle_t timers[4]; // atomic
    handle_t port;
};

static void timer_step(struct race *race, uint64_t *random) {
    struct timer_race *r = race->context;
    handle_t *slot = &r->timers[test_random_below(random, COUNT(r->timers))];
    handle_t timer = __atomic_load_n(slot, __ATOMIC_RELAXED);
    switch (test_random_below(random, 6)) {
    case 0: {
        int64_t fresh = sys_timer_create();
        CHECK(fresh > 0);
        (void)!sys_object_bind((handle_t)fresh, r->port, 2, SIGNAL_TIMER_EXPIRED);
        (void)!sys_handle_close(__atomic_exchange_n(slot, (handle_t)fresh, __ATOMIC_SEQ_CST));
        break;
    }
    case 1:
        (void)!sys_timer_ack(timer);
        break;
    case 2:
        (void)!sys_object_wait(timer, SIGNAL_TIMER_EXPIRED, soon(random), 0);
        break;
    case 3:
        (void)!sys_port_reply_wait(r->port, 0, soon(random), 0);
        break;
    default:
        (void)!sys_timer_set(timer, soon(random), chance(random, 2) ? TIMER_MIN_INTERVAL : 0,
                             (duration_t)test_random_below(random, 100000));
        break;
    }
}

TEST(races_timers) {
    enum { ROUNDS = 150 };
    print_seed();
    uint64_t batches = race_batches(ROUNDS * 4, 5);
    for (uint64_t batch = 0; batch < batches; batch++) {
        struct timer_race r = {.port = expect_handle(sys_port_create())};
        struct race race = {.context = &r,
                            .thread_count = 4,
                            .steps = {timer_step, timer_step, timer_step, timer_step},
                            .rounds = ROUNDS};
        race_run(&race, race_seed(6, batch));
        for (size_t i = 0; i < COUNT(r.timers); i++) {
            (void)!sys_handle_close(r.timers[i]);
        }
        drop(r.port);
    }
}
