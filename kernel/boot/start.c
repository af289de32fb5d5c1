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
#define RIGHTS_ARCHIVE (RIGHT_DUPLICATE | RIGHT_TRANSFER | RIGHT_READ | RIGHT_MAP)
#define RIGHTS_COMMAND (RIGHT_DUPLICATE | RIGHT_TRANSFER | RIGHT_READ)

// Gives an object to init, which takes the reference over. Handles are numbered from 1 in an empty
// table, which is what makes the constants of <abi/boot.h> true.
static status_t give(struct process *init, handle_t expected, struct object *object,
                     uint32_t rights) {
    handle_t handle;
    status_t status = handle_insert(init->table, object, rights, &handle);
    if (status == OK && handle != expected) {
        panic("boot: handle %x of init has the number %x", expected, handle);
    }
    return status;
}

// The same for an object that somebody else owns, too.
static status_t give_shared(struct process *init, handle_t expected, struct object *object,
                            uint32_t rights) {
    object_ref(object);
    return give(init, expected, object, rights);
}

static status_t give_archive(struct process *init) {
    struct vmo *vmo;
    status_t status =
        vmo_create_physical(job_root, boot_info.archive, boot_info.archive_size, &vmo);
    return status == OK ? give(init, INIT_ARCHIVE, vmo_object(vmo), RIGHTS_ARCHIVE) : status;
}

// A vmo that holds some data.
static status_t give_data(struct process *init, handle_t expected, const void *data, size_t bytes,
                          uint32_t rights) {
    struct vmo *vmo;
    status_t status = vmo_create(job_root, bytes, 0, 0, &vmo);
    if (status != OK) {
        return status;
    }
    int64_t written = vmo_write(vmo, 0, data, bytes);
    if (written < 0) {
        object_unref(vmo_object(vmo));
        return (status_t)written;
    }
    return give(init, expected, vmo_object(vmo), rights);
}

static status_t give_command(struct process *init) {
    return give_data(init, INIT_COMMAND, boot_info.command, BOOT_COMMAND_MAX, RIGHTS_COMMAND);
}

static status_t give_clock(struct process *init) {
    struct clock_page clock;
    arch_clock_describe(&clock);
    return give_data(init, INIT_CLOCK, &clock, sizeof(clock), RIGHTS_ARCHIVE);
}

static status_t give_vault(struct process *init) {
    struct vmo *vmo;
    status_t status = vmo_create(job_root, INIT_VAULT_BYTES, 0, 0, &vmo);
    return status == OK ? give(init, INIT_VAULT, vmo_object(vmo), RIGHTS_VMO) : status;
}

static status_t give_serial(struct process *init, handle_t expected, uint32_t index) {
    struct object *device;
    status_t status = device_create_serial(job_root, index, &device);
    return status == OK ? give(init, expected, device, RIGHTS_DEVICE) : status;
}

static status_t give_log(struct process *init) {
    struct object *log;
    status_t status = log_object_create(job_root, &log);
    return status == OK ? give(init, INIT_LOG, log, RIGHTS_LOG) : status;
}

static status_t give_system(struct process *init) {
    struct object *system;
    status_t status = system_object_create(job_root, &system);
    return status == OK ? give(init, INIT_SYSTEM, system, RIGHTS_SYSTEM) : status;
}

// Those that every process could be given.
static status_t give_self(struct process *init, struct thread *thread) {
    status_t status = give_shared(init, INIT_JOB, &job_root->object, RIGHTS_JOB);
    if (status == OK) {
        status = give_shared(init, INIT_PROCESS, &init->object, RIGHTS_PROCESS);
    }
    if (status == OK) {
        status = give_shared(init, INIT_ASPACE, aspace_object(init->aspace), RIGHTS_ASPACE);
    }
    if (status == OK) {
        status = give_shared(init, INIT_THREAD, &thread->object, RIGHTS_THREAD);
    }
    return status;
}

// In the order of the constants.
static status_t give_all(struct process *init, struct thread *thread) {
    status_t status = give_self(init, thread);
    status = status == OK ? give_log(init) : status;
    status = status == OK ? give_system(init) : status;
    status = status == OK ? give_archive(init) : status;
    status = status == OK ? give_command(init) : status;
    status = status == OK ? give_serial(init, INIT_SERIAL, 0) : status;
    status = status == OK ? give_vault(init) : status;
    status = status == OK ? give_clock(init) : status;
    return status == OK ? give_serial(init, INIT_SERIAL2, 1) : status;
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
