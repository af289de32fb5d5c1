// SPDX-License-Identifier: MIT
//
// Mailboxes and TLB shoot-downs.
//
// Each aspace knows the set of CPUs that have its tables loaded. A CPU enters the set, with a full
// barrier, before it loads the tables and leaves it after it has loaded others (aspace_switch).
// Whoever changes entries does so first and then, after a full barrier, reads the set. So either
// the CPU is in the set and gets the request, or it loads the tables after the change and can't see
// the old entries. (Loading tables flushes everything but global entries, and user entries are
// never global.)
//
// A request stands in the initiator's slot. The initiator sets its bit in each target's `incoming`
// word and mails MAIL_SHOOTDOWN; a target takes all bits, flushes what the slots say if it has that
// aspace loaded, and clears its own bit in the slot's `waiting` word. The initiator spins until
// that word is zero, acting on its own mailbox meanwhile; so two initiators never wait for each
// other, and a target that spins for a lock which the initiator holds still answers. The mailbox
// path takes no lock.
#include <mm/shootdown.h>

#include "aspace_internal.h"

#include <sched/cpu.h>

struct slot {
    const struct shootdown *request; // valid while waiting != 0
    uint32_t waiting;                // atomic; bit n: CPU n has not answered
    uint32_t incoming; // atomic; of this CPU as a target; bit n: CPU n's slot has a request for it
} __attribute__((aligned(CACHE_LINE)));
static_assert(CPU_MAX <= 32, "sets of CPUs are 32-bit words");

static struct slot slots[CPU_MAX];

void shootdown_add(struct shootdown *shootdown, const struct aspace *aspace, vaddr_t addr,
                   size_t bytes) {
    assert(bytes != 0 && IS_ALIGNED(addr | bytes, PAGE_SIZE));
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    uint32_t set = __atomic_load_n(&aspace->cpus, __ATOMIC_RELAXED);
    if (set == 0) {
        return;
    }
    shootdown->cpus |= set;
    if (shootdown->count < SHOOTDOWN_RANGES) {
        shootdown->ranges[shootdown->count].aspace = aspace;
        shootdown->ranges[shootdown->count].addr = addr;
        shootdown->ranges[shootdown->count].bytes = bytes;
    }
    if (shootdown->count <= SHOOTDOWN_RANGES) {
        shootdown->count++;
    }
}

// Loads the kernel's tables if the aspace is the one loaded.
static void leave(struct cpu *cpu, struct aspace *aspace) {
    if (cpu->aspace == aspace) {
        mmu_load(NULL);
        cpu->aspace = NULL;
        __atomic_fetch_and(&aspace->cpus, ~(1u << cpu->index), __ATOMIC_RELEASE);
    }
}

// Does on this CPU what a request asks for.
static void obey(struct cpu *cpu, const struct shootdown *request) {
    if (request->leaving != NULL) {
        leave(cpu, request->leaving);
    }
    if (request->count > SHOOTDOWN_RANGES) {
        mmu_flush_local_all();
        return;
    }
    for (uint32_t i = 0; i < request->count; i++) {
        if (request->ranges[i].aspace != cpu->aspace) {
            continue;
        }
        if (cpu->idle != NULL && cpu->thread == cpu->idle) {
            leave(cpu, cpu->aspace); // it has no use for it, and is not asked again
            break;
        }
        mmu_flush_local(request->ranges[i].addr, request->ranges[i].bytes);
    }
}

static void answer_all(struct cpu *cpu) {
    uint32_t from = __atomic_exchange_n(&slots[cpu->index].incoming, 0, __ATOMIC_ACQ_REL);
    while (from != 0) {
        uint32_t index = (uint32_t)__builtin_ctz(from);
        from &= from - 1;
        assert((slots[index].waiting & 1u << cpu->index) != 0);
        obey(cpu, slots[index].request);
        __atomic_fetch_and(&slots[index].waiting, ~(1u << cpu->index), __ATOMIC_RELEASE);
    }
}

void shootdown_flush(struct shootdown *shootdown) {
    if (shootdown->cpus == 0) {
        return;
    }
    struct cpu *cpu = cpu_this();
    obey(cpu, shootdown);
    uint32_t targets = shootdown->cpus & ~(1u << cpu->index);
    if (targets != 0) {
        struct slot *slot = &slots[cpu->index];
        assert(slot->waiting == 0);
        slot->request = shootdown;
        __atomic_store_n(&slot->waiting, targets, __ATOMIC_RELEASE);
        for (uint32_t left = targets; left != 0; left &= left - 1) {
            uint32_t index = (uint32_t)__builtin_ctz(left);
            __atomic_fetch_or(&slots[index].incoming, 1u << cpu->index, __ATOMIC_RELEASE);
            cpu_mail(cpus[index], MAIL_SHOOTDOWN);
        }
        while (__atomic_load_n(&slot->waiting, __ATOMIC_ACQUIRE) != 0) {
            cpu_mailbox_poll();
            arch_pause();
        }
    }
    shootdown_init(shootdown);
}

void shootdown_leave(struct aspace *aspace) {
    struct shootdown shootdown;
    shootdown_init(&shootdown);
    shootdown.cpus = __atomic_load_n(&aspace->cpus, __ATOMIC_SEQ_CST);
    shootdown.leaving = aspace;
    shootdown_flush(&shootdown);
    assert(__atomic_load_n(&aspace->cpus, __ATOMIC_ACQUIRE) == 0);
}

void cpu_mail(struct cpu *cpu, uint32_t bits) {
    assert(bits != 0);
    __atomic_fetch_or(&cpu->mailbox, bits, __ATOMIC_SEQ_CST);
    if (cpu != cpu_this()) {
        arch_cpu_kick(cpu);
    }
}

void cpu_mailbox_poll(void) {
    struct cpu *cpu = cpu_this();
    if (likely(__atomic_load_n(&cpu->mailbox, __ATOMIC_RELAXED) == 0)) {
        return;
    }
    uint32_t bits = __atomic_exchange_n(&cpu->mailbox, 0, __ATOMIC_SEQ_CST);
    if ((bits & MAIL_STOP) != 0) {
        arch_stop();
    }
    if ((bits & MAIL_SHOOTDOWN) != 0) {
        answer_all(cpu);
    }
    if ((bits & MAIL_RESCHEDULE) != 0) {
        cpu->reschedule = true;
    }
}
