// SPDX-License-Identifier: MIT
//
// The first process. In this version it runs the one program that the kernel command line names,
//
//   init.run=bin/syscall-test init.args=handles,memory
//
// in a job of its own, waits for its end and ends the machine: powered off when the program has
// ended with status 0, else (and when it could not be started) with the emulator status
// EXIT_FAILED.

#include "command.h"

#include <abi/boot.h>
#include <abi/limits.h>
#include <abi/names.h>
#include <stdbool.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/spawn.h>
#include <sys/start.h>

#define EXIT_FAILED 1

// What the program may use: most of the machine, so that init itself is never starved.
#define CHILD_MEMORY_SHARE(pages) ((pages) / 8 * 7)
#define CHILD_HANDLES 100000
#define CHILD_THREADS 4096
#define CHILD_PROCESSES 1024

static _Noreturn void end_machine(bool success) {
    uint32_t op = success ? SYSTEM_POWER_OFF : SYSTEM_EXIT;
    int64_t result = sys_system_control(INIT_SYSTEM, op, success ? 0 : EXIT_FAILED);
    panic("init: can't end the machine: %s", status_name(result));
}

// Makes the job of the program. Returns it, or a status.
static int64_t create_job(void) {
    struct system_info info;
    status_t status = sys_object_get(INIT_SYSTEM, &info, sizeof(info));
    if (status != OK) {
        return status;
    }
    struct job_limits limits = {
        .memory_pages = CHILD_MEMORY_SHARE(info.free_pages),
        .handles = CHILD_HANDLES,
        .threads = CHILD_THREADS,
        .processes = CHILD_PROCESSES,
    };
    return sys_job_create(INIT_JOB, &limits);
}

static status_t start(const struct command *command, handle_t job, struct spawned *child) {
    struct archive archive;
    status_t status = archive_map(INIT_ARCHIVE, &archive);
    if (status != OK) {
        return status;
    }
    const struct spawn_handle handles[] = {
        {"job", job, RIGHTS_JOB},
        {"log", INIT_LOG, RIGHTS_LOG},
        {"system", INIT_SYSTEM, RIGHT_DUPLICATE | RIGHT_TRANSFER | RIGHT_READ | RIGHT_MANAGE},
        {"archive", INIT_ARCHIVE, RIGHT_DUPLICATE | RIGHT_TRANSFER | RIGHT_READ | RIGHT_MAP},
    };
    const struct spawn_options options = {
        .archive = &archive,
        .path = command->run,
        .job = job,
        .arguments = command->arguments,
        .argument_count = command->argument_count,
        .handles = handles,
        .handle_count = sizeof(handles) / sizeof(handles[0]),
    };
    status = spawn(&options, child);
    archive_unmap(&archive);
    return status;
}

// Tells how a process has ended. Returns whether it was with status 0.
static bool report(const char *name, const struct process_info *info) {
    bool success = info->cause == EXIT_VOLUNTARY && info->status == 0;
    switch (info->cause) {
    case EXIT_FAULT:
        log_printf("init: %s faulted: trap %ld at pc 0x%lx, address 0x%lx", name, info->status,
                   info->fault_pc, info->fault_addr);
        break;
    case EXIT_VOLUNTARY:
        log_printf("init: %s ended with status %ld", name, info->status);
        break;
    default:
        log_printf("init: %s was killed with status %ld", name, info->status);
        break;
    }
    return success;
}

static bool run(const struct command *command) {
    int64_t job = create_job();
    if (job < 0) {
        log_printf("init: can't make a job: %s", status_name(job));
        return false;
    }
    struct spawned child;
    status_t status = start(command, (handle_t)job, &child);
    if (status != OK) {
        log_printf("init: can't start %s: %s", command->run, status_name(status));
        return false;
    }
    int64_t ended = sys_object_wait(child.process, SIGNAL_PROCESS_ENDED, INSTANT_NEVER, 0);
    struct process_info info;
    status = ended < 0 ? (status_t)ended : sys_object_get(child.process, &info, sizeof(info));
    if (status != OK) {
        log_printf("init: can't wait for %s: %s", command->run, status_name(status));
        return false;
    }
    return report(command->run, &info);
}

int64_t native_main(struct thread_block *block) {
    (void)block;
    static struct command command;
    status_t status = command_read(INIT_COMMAND, &command);
    if (status != OK) {
        panic("init: can't read the command line: %s", status_name(status));
    }
    if (command.run == NULL) {
        log_printf("init: nothing to run: the kernel command line has no init.run=");
        end_machine(false);
    }
    end_machine(run(&command));
}
