// SPDX-License-Identifier: MIT
//
// init's own restart: what init does for services, the kernel does for init.
//
// When init's process has ended, for whatever reason, a successor gets its handle table, with every
// handle number as it was, and a fresh copy of the program in a fresh address space. The handles
// that name the instance itself (INIT_PROCESS, INIT_ASPACE, INIT_THREAD) name the new one from then
// on. Services notice nothing: exits that happen meanwhile are packets in init's port, calls to
// init are held there. What init knew stands in its vault.
//
// The kernel counts as the holder of an open handle to init's process (PROCESS_HELD), so that the
// table is kept also when init has closed its own. The work is done as deferred release
// (mm/reap.h), outside of the last kernel entry of the dying thread. A successor may be killed
// before it runs: then it stands in for the dead one. All this fails when memory has run out, or
// when init is broken: an instance that faults, hangs or exits within INIT_SHORT_LIFE counts, and
// after INIT_SHORT_LIVES of them in a row the machine panics. Ordered kills don't count.
#include <arch/clock.h>
#include <boot/start.h>
#include <debug/log.h>
#include <mm/reap.h>
#include <object/process.h>
#include <sched/cpu.h>
#include <sched/thread.h>

// More than 8 deaths in 10 s.
#define INIT_SHORT_LIVES 8
#define INIT_SHORT_LIFE (SECONDS(10) / INIT_SHORT_LIVES)

static struct {
    struct process *process; // the present instance
    struct reap_item item;
    instant_t started;
    uint32_t short_lives; // in a row
    uint32_t restarts;
} init;

static bool restart(struct reap_item *item);

static void ended(struct process *process) {
    assert(process == init.process);
    reap_add(&init.item, restart);
}

void boot_watch_init(struct process *process) {
    init.process = process;
    init.started = clock_now();
    if (!process_watch_end(process, ended)) {
        ended(process);
    }
}

// Counts the death. Returns whether there is hope.
static bool count_death(const struct process_info *info, instant_t now) {
    static const char *const causes[] = {"?", "exit", "kill", "fault", "hang"};
    const char *cause = info->cause < ARRAY_SIZE(causes) ? causes[info->cause] : causes[0];
    bool ordered = info->cause == EXIT_KILLED;
    if (now - init.started >= INIT_SHORT_LIFE) {
        init.short_lives = 0;
    } else if (!ordered) {
        init.short_lives++;
    }
    if (!ordered) {
        log_line("boot: init ended: %s, status %ld, pc %p, address %p", cause, info->status,
                 (void *)info->fault_pc, (void *)info->fault_addr);
    }
    return init.short_lives <= INIT_SHORT_LIVES;
}

static bool restart(struct reap_item *item) {
    assert(init.process != NULL);
    (void)item;
    struct process *predecessor = init.process;
    struct process_info info;
    process_describe(predecessor, &info);
    instant_t now = clock_now();
    if (!count_death(&info, now)) {
        panic("init does not stay alive: %u short lives in a row", init.short_lives);
    }
    uint32_t number = ++init.restarts;
    status_t status = boot_start_init(predecessor);
    if (status != OK) {
        panic("init can't be restarted: %d", status);
    }
    process_unhold(predecessor);
    log_line("boot: init restarted (%u) in %ld us", number, (clock_now() - now) / 1000);
    return true;
}
