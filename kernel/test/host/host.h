// SPDX-License-Identifier: MIT
//
// What kernel code under test on the host stands on. A test names the pieces that it needs:
//
//   host.c         fake CPUs, panic, log, clock, what the arch contract asks of a machine
//   host_memory.c  page_*, slab_*, kpages_* by malloc, where mm/ is not under test
//   host_reap.c    the reap list, worked off when the test says so, where mm/reap.c is not
//   host_mmu.c     page tables as a sorted array
//   host_user.c    copy_in, copy_out and friends on plain host memory, where mm/user.c is not
//
// All functions of host.c and host_user.c are weak: a test may define its own, and linking the real
// file replaces them.
#pragma once

#include <base.h>
#include <mm/page.h>
#include <sched/cpu.h>
#include <setjmp.h>

// Makes `count` CPUs, online, and makes the calling pthread run on CPU 0. Called by each test that
// needs CPUs; calling it again starts afresh.
void host_cpus_init(uint32_t count);
// Makes the calling pthread run on CPU `index`. Two pthreads must not share a CPU.
void host_cpu_use(uint32_t index);

// Runs `function` on a pthread for each CPU but 0, and on this one for CPU 0; waits for all.
void host_cpus_run(uint32_t count, void (*function)(void *context), void *context);

// What clock_now says. Only the test moves it.
extern instant_t host_now;
// What the timer of the CPU that last called arch_timer_arm is set to.
extern instant_t host_timer_armed;

// When not null, panic jumps there instead of aborting, with its message in host_panic_text.
extern jmp_buf *host_panic_jump;
extern char host_panic_text[256];

// True when running `statement` panicked. It must not leave locks behind that matter later.
#define HOST_PANICS(statement)                                                                     \
    ({                                                                                             \
        jmp_buf host_jump_;                                                                        \
        volatile bool host_panicked_ = true;                                                       \
        if (setjmp(host_jump_) == 0) {                                                             \
            host_panic_jump = &host_jump_;                                                         \
            statement;                                                                             \
            host_panicked_ = false;                                                                \
        }                                                                                          \
        host_panic_jump = NULL;                                                                    \
        host_panicked_;                                                                            \
    })

// host_memory.c: from the `count`th allocation on (0: the next one) all of them fail with NO_MEMORY
// until it is set to HOST_FAIL_NEVER.
#define HOST_FAIL_NEVER UINT64_MAX
extern uint64_t host_fail_after;
// Slab objects, kpages ranges and pages allocated now.
uint64_t host_memory_live(void);

// host_reap.c: destroys what was reaped, and what that reaps, until nothing is left. Returns how
// many objects went.
uint64_t host_reap_all(void);

// host_mmu.c: how often an entry was flushed, all CPUs together.
extern uint64_t host_mmu_flushes;
