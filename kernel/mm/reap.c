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
#define WORK_STEP 24 // a destroy that wants to be called again has done about 512 pages' work
#define WORK_OBJECT 2
#define WORK_ITEM 1

struct reap_state {
    struct reap_item *items; // first; objects are in cpu->reap
    struct reap_item *last_item;
    uint32_t item_count;
    uint32_t batch_objects; // how many of either belong to the open batch
    uint32_t batch_items;
    uint64_t noted[CPU_MAX];
} __attribute__((aligned(CACHE_LINE)));

static struct reap_state states[CPU_MAX];

void reap_object(struct object *object) {
    struct cpu *cpu = cpu_this();
    list_push_back(&cpu->reap, &object->reap_node);
    cpu->reap_count++;
}

void reap_memory(struct reap_item *item, void (*release)(struct reap_item *item)) {
    struct cpu *cpu = cpu_this();
    struct reap_state *state = &states[cpu->index];
    item->next = NULL;
    item->release = release;
    if (state->items == NULL) {
        state->items = item;
    } else {
        state->last_item->next = item;
    }
    state->last_item = item;
    state->item_count++;
    cpu->reap_count++;
}

static void batch_open(struct cpu *cpu, struct reap_state *state) {
    state->batch_items = state->item_count;
    state->batch_objects = cpu->reap_count - state->item_count;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    for (uint32_t i = 0; i < CPU_MAX; i++) {
        bool online = i < cpu_count && cpus[i] != NULL && cpus[i]->online;
        state->noted[i] = online ? __atomic_load_n(&cpus[i]->entry_seq, __ATOMIC_SEQ_CST) : 0;
    }
}

static bool grace_over(const struct reap_state *state) {
    for (uint32_t i = 0; i < cpu_count; i++) {
        if ((state->noted[i] & 1) != 0 &&
            __atomic_load_n(&cpus[i]->entry_seq, __ATOMIC_ACQUIRE) == state->noted[i]) {
            return false;
        }
    }
    return true;
}

static void release_item(struct cpu *cpu, struct reap_state *state) {
    struct reap_item *item = state->items;
    state->items = item->next;
    state->item_count--;
    state->batch_items--;
    cpu->reap_count--;
    item->release(item);
}

// Returns what the step cost.
static uint32_t destroy_object(struct cpu *cpu, struct reap_state *state) {
    struct list_node *node = list_pop_front(&cpu->reap);
    struct object *object = list_entry(node, struct object, reap_node);
    if (object_destroy(object)) {
        state->batch_objects--;
        cpu->reap_count--;
        return WORK_OBJECT;
    }
    list_push_front(&cpu->reap, node);
    return WORK_STEP;
}

bool reap_work(void) {
    struct cpu *cpu = cpu_this();
    struct reap_state *state = &states[cpu->index];
    if (cpu->reap_count == 0) {
        return false;
    }
    if (state->batch_objects + state->batch_items == 0) {
        batch_open(cpu, state);
    }
    if (!grace_over(state)) {
        return true;
    }
    uint32_t work = 0;
    while (work < WORK_MAX && state->batch_objects + state->batch_items > 0) {
        if (state->batch_items > 0) {
            release_item(cpu, state);
            work += WORK_ITEM;
        } else {
            work += destroy_object(cpu, state);
        }
    }
    return cpu->reap_count != 0;
}
