// SPDX-License-Identifier: MIT
//
// Reaping in batches. What is put on a CPU's list joins the end of it. When no batch is open, all
// that waits becomes one, and the entry_seq of every CPU is noted. The batch may be worked off once
// each CPU that was in the kernel then (an odd number) has left it or has entered anew (another
// number).
//
// Why that is enough: whoever reaps has first made the thing unreachable. An entry that began
// before can still hold a pointer to it, and shows as an unchanged odd number. An entry that begins
// later can't find it, provided that a CPU's new odd number is visible before its first look-up: so
// the entry code increments entry_seq with a full barrier, and here stands one between the
// unlinking and the note. This CPU counts like the others: the entry that reaps is over before the
// batch is touched. The idle loop, which holds no pointers between its rounds, counts each round as
// an entry.
//
// A CPU's list is its own and interrupts are off, so there is no lock. An object that needs more
// steps stays in front. Work per call is bounded by WORK_MAX units.
#include <mm/reap.h>

#include <sched/cpu.h>

#define WORK_MAX 64
#define WORK_STEP 24 // a release that wants to be called again has done about 512 pages' work
#define WORK_DONE 2

struct reap_state {
    uint32_t batch; // how many of the first in cpu->reap belong to the open batch
    uint64_t noted[CPU_MAX];
} __attribute__((aligned(CACHE_LINE)));

static struct reap_state states[CPU_MAX];

void reap_add(struct reap_item *item, bool (*release)(struct reap_item *item)) {
    struct cpu *cpu = cpu_this();
    assert(!list_node_linked(&item->node));
    item->release = release;
    list_push_back(&cpu->reap, &item->node);
    cpu->reap_count++;
}

static void batch_open(struct cpu *cpu, struct reap_state *state) {
    assert(state->batch == 0 && cpu->reap_count != 0);
    state->batch = cpu->reap_count;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    for (uint32_t i = 0; i < CPU_MAX; i++) {
        bool online = i < cpu_count && cpus[i] != NULL && cpus[i]->online;
        state->noted[i] = online ? __atomic_load_n(&cpus[i]->entry_seq, __ATOMIC_SEQ_CST) : 0;
    }
}

static bool grace_over(const struct reap_state *state) {
    assert(state->batch != 0);
    for (uint32_t i = 0; i < cpu_count; i++) {
        if ((state->noted[i] & 1) != 0 &&
            __atomic_load_n(&cpus[i]->entry_seq, __ATOMIC_ACQUIRE) == state->noted[i]) {
            return false;
        }
    }
    return true;
}

// Releases the first item, or does a step of it. Returns what that cost.
static uint32_t release_first(struct cpu *cpu, struct reap_state *state) {
    struct list_node *node = list_pop_front(&cpu->reap);
    assert(node != NULL && spin_none_held());
    struct reap_item *item = list_entry(node, struct reap_item, node);
    if (item->release(item)) {
        state->batch--;
        cpu->reap_count--;
        return WORK_DONE;
    }
    list_push_front(&cpu->reap, node);
    return WORK_STEP;
}

bool reap_work(void) {
    assert(spin_none_held());
    struct cpu *cpu = cpu_this();
    struct reap_state *state = &states[cpu->index];
    if (cpu->reap_count == 0) {
        return false;
    }
    if (state->batch == 0) {
        batch_open(cpu, state);
    }
    if (!grace_over(state)) {
        return true;
    }
    for (uint32_t work = 0; work < WORK_MAX && state->batch > 0;) {
        work += release_first(cpu, state);
    }
    return cpu->reap_count != 0;
}
