// SPDX-License-Identifier: MIT
//
// Vector registers (x87, SSE, AVX, AVX-512: Intel SDM volume 1, chapter 13). The kernel uses none,
// most native programs use none, and saving them is dear. So a thread begins without: CR0.TS is set
// while it runs, its first use traps, and it is given a save area charged to its job. From then on
// its registers are saved and loaded at each switch. `arch.vectors_on` is what CR0.TS is, so that
// it is written only when it changes. A thread that has an area has them on whenever it is the
// current one.
#include <arch/cpu.h>
#include <mm/slab.h>
#include <object/job.h>
#include <sched/cpu.h>
#include <sched/thread.h>
#include <x86/cpu.h>
#include <x86/regs.h>

#define XCR0_LEGACY 0x3 // x87, SSE
#define XCR0_AVX 0x4
#define XCR0_AVX512 0xe0 // opmask and the two halves of the upper registers: all or none
#define LEAF_XSAVE 0xd
#define AREA_ALIGN 64 // xsave wants it; slabs give less
#define SLAB_MAX_BYTES 2032
#define CONTROL_X87_OFFSET 0
#define CONTROL_X87_DEFAULT 0x37f
#define MXCSR_OFFSET 24
#define MXCSR_DEFAULT 0x1f80

static uint64_t enabled;  // XCR0
static size_t area_bytes; // allocated for an area, room for alignment included
static struct slab_cache area_cache = {
    .name = "vectors",
    .lock = SPINLOCK_INIT(RANK_SLAB),
};

static void xcr0_write(uint64_t value) {
    __asm__ volatile("xsetbv" : : "c"(0), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

// Turns the vector registers on or off in this CPU.
static void vectors_switch(bool on) {
    struct cpu *cpu = cpu_this();
    if (cpu->arch.vectors_on == on) {
        return;
    }
    cpu->arch.vectors_on = on;
    if (on) {
        __asm__ volatile("clts" ::: "memory");
    } else {
        cr0_write(cr0_read() | CR0_TS);
    }
}

void vectors_init(void) {
    enabled = cpuid_read(LEAF_XSAVE, 0).eax & (XCR0_LEGACY | XCR0_AVX | XCR0_AVX512);
    if ((enabled & XCR0_AVX512) != XCR0_AVX512 || (enabled & XCR0_AVX) == 0) {
        enabled &= XCR0_LEGACY | XCR0_AVX;
    }
    // ebx is the size for what XCR0 has just now.
    cr4_write(cr4_read() | CR4_OSXSAVE);
    xcr0_write(enabled);
    area_bytes = cpuid_read(LEAF_XSAVE, 0).ebx + AREA_ALIGN;
    area_cache.object_bytes = ALIGN_UP(area_bytes, SLAB_ALIGN);
}

void vectors_init_cpu(void) {
    cr4_write(cr4_read() | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE);
    xcr0_write(enabled);
    cr0_write(cr0_read() | CR0_TS);
    cpu_this()->arch.vectors_on = false;
}

static char *aligned(void *area) {
    return (char *)ALIGN_UP((uintptr_t)area, AREA_ALIGN);
}

static void area_save(void *area) {
    __asm__ volatile("xsave64 (%0)"
                     :
                     : "r"(aligned(area)), "a"((uint32_t)enabled), "d"(0)
                     : "memory");
}

static void area_load(const void *area) {
    __asm__ volatile("xrstor64 (%0)"
                     :
                     : "r"(aligned((void *)area)), "a"((uint32_t)enabled), "d"(0)
                     : "memory");
}

static status_t area_alloc(struct thread *thread) {
    assert(thread->arch.vectors == NULL);
    return area_bytes <= SLAB_MAX_BYTES
               ? slab_alloc(&area_cache, thread->object.job, &thread->arch.vectors)
               : kpages_alloc(thread->object.job, area_bytes, &thread->arch.vectors);
}

status_t vectors_copy(struct thread *to) {
    status_t status = area_alloc(to);
    if (status == OK) {
        area_save(to->arch.vectors);
    }
    return status;
}

bool vectors_first_use(struct thread *thread) {
    if (area_alloc(thread) != OK) {
        return false;
    }
    void *area = thread->arch.vectors;
    // All zero is the initial state of everything else.
    *(uint16_t *)(aligned(area) + CONTROL_X87_OFFSET) = CONTROL_X87_DEFAULT;
    *(uint32_t *)(aligned(area) + MXCSR_OFFSET) = MXCSR_DEFAULT;
    vectors_switch(true);
    area_load(area);
    return true;
}

void vectors_save(struct arch_thread *from) {
    assert(from->vectors != NULL && cpu_this()->arch.vectors_on);
    area_save(from->vectors);
}

void vectors_load(const struct arch_thread *to) {
    vectors_switch(to->vectors != NULL);
    if (to->vectors != NULL) {
        area_load(to->vectors);
    }
}

void vectors_free(struct thread *thread) {
    void *area = thread->arch.vectors;
    thread->arch.vectors = NULL;
    if (area == NULL) {
        return;
    }
    if (area_bytes <= SLAB_MAX_BYTES) {
        slab_free(&area_cache, thread->object.job, area);
    } else {
        kpages_free(thread->object.job, area, area_bytes);
    }
}
