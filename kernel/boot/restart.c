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
#include <abi/boot.h>
#include <arch/clock.h>
#include <boot/start.h>
#include <debug/log.h>
#include <mm/aspace.h>
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

static void restart(struct reap_item *item);

static void ended(struct process *process) {
    assert(process == init.process);
    reap_memory(&init.item, restart);
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

static status_t renew(struct process *process, handle_t handle, struct object *object,
                      uint32_t rights) {
    object_ref(object);
    return handle_renew(process->table, handle, object, rights);
}

// Starts a thread of the successor in what boot_load_init has loaded.
static status_t run(struct process *process, struct aspace *aspace, vaddr_t entry, vaddr_t block) {
    process->priority = PRIORITY_INIT;
    struct thread *thread;
    status_t status = thread_create(process, block, &thread);
    if (status != OK) {
        return status;
    }
    // init may have closed any of these: then it is the number of nothing, as before.
    (void)renew(process, INIT_PROCESS, &process->object, RIGHTS_PROCESS);
    (void)renew(process, INIT_ASPACE, aspace_object(aspace), RIGHTS_ASPACE);
    (void)renew(process, INIT_THREAD, &thread->object, RIGHTS_THREAD);
    status = thread_start(thread, entry, INIT_STACK(block), block, 0);
    object_unref(&thread->object);
    return status;
}

static status_t succeed_in(struct aspace *aspace, struct process *predecessor) {
    static const struct process_options options = {.label = "init"};
    vaddr_t entry;
    vaddr_t block;
    status_t status = boot_load_init(aspace, &entry, &block);
    if (status != OK) {
        return status;
    }
    struct process *process;
    status = process_create(job_root, aspace, predecessor, PROCESS_KEEP | PROCESS_HELD, &options,
                            &process);
    if (status != OK) {
        return status;
    }
    status = run(process, aspace, entry, block);
    if (status == OK || status == ERR_BAD_STATE) { // BAD_STATE: somebody has killed it already
        boot_watch_init(process);
        status = OK;
    }
    object_unref(&process->object);
    return status;
}

static void restart(struct reap_item *item) {
    (void)item;
    struct process *predecessor = init.process;
    struct process_info info;
    process_describe(predecessor, &info);
    instant_t now = clock_now();
    if (!count_death(&info, now)) {
        panic("init does not stay alive: %u short lives in a row", init.short_lives);
    }
    uint32_t number = ++init.restarts;
    struct aspace *aspace;
    status_t status = aspace_create(job_root, 0, 0, &aspace);
    if (status == OK) {
        status = succeed_in(aspace, predecessor);
        object_unref(aspace_object(aspace));
    }
    if (status != OK) {
        panic("init can't be restarted: %d", status);
    }
    process_unhold(predecessor);
    log_line("boot: init restarted (%u) in %ld us", number, (clock_now() - now) / 1000);
}
