// SPDX-License-Identifier: MIT
//
// The first process: everything that any program will ever be allowed to do is derived from the
// handles that it gets here.
#include <abi/boot.h>
#include <arch/boot.h>
#include <arch/clock.h>
#include <boot/start.h>
#include <debug/log.h>
#include <mm/aspace.h>
#include <mm/vmo.h>
#include <object/device.h>
#include <object/job.h>
#include <object/log.h>
#include <object/process.h>
#include <object/system.h>
#include <sched/thread.h>

// Of what anybody may map to read.
#define RIGHTS_PAGE (RIGHT_DUPLICATE | RIGHT_TRANSFER | RIGHT_READ | RIGHT_MAP)
#define RIGHTS_ARCHIVE (RIGHTS_PAGE | RIGHT_EXECUTE) // programs run where they lie
#define RIGHTS_COMMAND (RIGHT_DUPLICATE | RIGHT_TRANSFER | RIGHT_READ)

static status_t make_archive(struct object **out) {
    struct vmo *vmo;
    status_t status =
        vmo_create_physical(job_root, boot_info.archive, boot_info.archive_size, &vmo);
    *out = status == OK ? vmo_object(vmo) : NULL;
    return status;
}

// Makes a vmo that begins with some data.
static status_t make_vmo(uint64_t size, const void *data, size_t bytes, struct object **out) {
    struct vmo *vmo;
    status_t status = vmo_create(job_root, size, 0, 0, &vmo);
    if (status != OK) {
        return status;
    }
    *out = vmo_object(vmo);
    int64_t written = bytes != 0 ? vmo_write(vmo, 0, data, bytes) : 0;
    return written < 0 ? (status_t)written : OK;
}

// Makes what only init gets, by the numbers of the handles.
static status_t make_all(struct object *objects[INIT_LAST + 1]) {
    struct clock_page clock;
    arch_clock_describe(&clock);
    status_t status = log_object_create(job_root, &objects[INIT_LOG]);
    status = status == OK ? system_object_create(job_root, &objects[INIT_SYSTEM]) : status;
    status = status == OK ? make_archive(&objects[INIT_ARCHIVE]) : status;
    status = status == OK ? make_vmo(BOOT_COMMAND_MAX, boot_info.command, BOOT_COMMAND_MAX,
                                     &objects[INIT_COMMAND])
                          : status;
    status = status == OK ? device_create_serial(job_root, 0, &objects[INIT_SERIAL]) : status;
    status = status == OK ? make_vmo(INIT_VAULT_BYTES, NULL, 0, &objects[INIT_VAULT]) : status;
    status = status == OK ? make_vmo(sizeof(clock), &clock, sizeof(clock), &objects[INIT_CLOCK])
                          : status;
    return status == OK ? device_create_serial(job_root, 1, &objects[INIT_SERIAL2]) : status;
}

// Gives init the handles of <abi/boot.h>: they are numbered from 1 in an empty table, which is what
// makes its constants true.
static status_t give_all(struct process *init, struct thread *thread) {
    assert(init->table->used == 0);
    static const uint32_t rights[INIT_LAST + 1] = {
        [INIT_JOB] = RIGHTS_JOB,         [INIT_PROCESS] = RIGHTS_PROCESS,
        [INIT_ASPACE] = RIGHTS_ASPACE,   [INIT_THREAD] = RIGHTS_THREAD,
        [INIT_LOG] = RIGHTS_LOG,         [INIT_SYSTEM] = RIGHTS_SYSTEM,
        [INIT_ARCHIVE] = RIGHTS_ARCHIVE, [INIT_COMMAND] = RIGHTS_COMMAND,
        [INIT_SERIAL] = RIGHTS_DEVICE,   [INIT_VAULT] = RIGHTS_VMO,
        [INIT_CLOCK] = RIGHTS_PAGE,      [INIT_SERIAL2] = RIGHTS_DEVICE};
    struct object *objects[INIT_LAST + 1] = {
        [INIT_JOB] = &job_root->object,
        [INIT_PROCESS] = &init->object,
        [INIT_ASPACE] = aspace_object(init->aspace),
        [INIT_THREAD] = &thread->object,
    };
    for (handle_t i = INIT_JOB; i <= INIT_THREAD; i++) {
        object_ref(objects[i]); // the others are nobody else's
    }
    status_t status = make_all(objects);
    for (handle_t i = INIT_JOB; i <= INIT_LAST; i++) {
        handle_t handle = i;
        if (status == OK) {
            status = handle_insert(init->table, objects[i], rights[i], &handle);
        } else if (objects[i] != NULL) {
            object_unref(objects[i]);
        }
        if (handle != i) {
            panic("boot: handle %x of init has the number %x", i, handle);
        }
    }
    return status;
}

static void renew(struct process *init, handle_t handle, struct object *object, uint32_t rights) {
    object_ref(object);
    (void)handle_renew(init->table, handle, object, rights);
}

// In an inherited table. The predecessor may have closed any of these: then it is the number of
// nothing, as before.
static void renew_self(struct process *init, struct aspace *aspace, struct thread *thread) {
    renew(init, INIT_PROCESS, &init->object, RIGHTS_PROCESS);
    renew(init, INIT_ASPACE, aspace_object(aspace), RIGHTS_ASPACE);
    renew(init, INIT_THREAD, &thread->object, RIGHTS_THREAD);
}

// Starts a thread in what boot_load_init has loaded.
static status_t run(struct process *init, struct aspace *aspace, bool first, vaddr_t entry,
                    vaddr_t block) {
    init->priority = PRIORITY_INIT;
    struct thread *thread;
    status_t status = thread_create(init, block, &thread);
    if (status != OK) {
        return status;
    }
    if (first) {
        status = give_all(init, thread);
    } else {
        renew_self(init, aspace, thread);
    }
    status = status == OK ? thread_start(thread, entry, INIT_STACK(block), block, 0) : status;
    object_unref(&thread->object);
    return status;
}

static status_t start_in(struct aspace *aspace, struct process *predecessor) {
    static const struct process_options options = {.label = "init"};
    vaddr_t entry;
    vaddr_t block;
    struct process *init;
    status_t status = boot_load_init(aspace, &entry, &block);
    if (status == OK) {
        status = process_create(job_root, aspace, predecessor, PROCESS_KEEP | PROCESS_HELD,
                                &options, &init);
    }
    if (status != OK) {
        return status;
    }
    status = run(init, aspace, predecessor == NULL, entry, block);
    if (predecessor != NULL && status == ERR_BAD_STATE) {
        status = OK; // somebody has killed it already: it stands in for the dead one
    }
    if (status != OK) {
        process_kill(init, EXIT_KILLED, 0);
        process_unhold(init);
        log_line("boot: can't make the first process: %d", status);
    } else {
        boot_watch_init(init);
    }
    object_unref(&init->object);
    return status;
}

status_t boot_start_init(struct process *predecessor) {
    struct aspace *aspace;
    status_t status = aspace_create(job_root, 0, 0, &aspace);
    if (status != OK) {
        log_line("boot: no memory for the first process");
        return status;
    }
    status = start_in(aspace, predecessor);
    object_unref(aspace_object(aspace));
    return status;
}
