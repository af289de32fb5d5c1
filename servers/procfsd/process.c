// SPDX-License-Identifier: MIT
//
// What procd tells of processes, as Linux writes it.

#include "procfs.h"

#include <proto/proc_client.h>
#include <sys/start.h>

#define TICK_NS 10000000 // Linux counts times of processes in hundredths of a second

status_t process_after(int32_t after, struct proc_list_reply *out) {
    const struct proc_list_request request = {.after = after};
    int64_t result = proc_list(start_handle("proc"), &request, out, INSTANT_NEVER);
    return result < 0 ? (status_t)result : OK;
}

status_t process_get(int32_t pid, struct proc_list_reply *out) {
    status_t status = process_after(pid - 1, out);
    return status == OK && out->pid != pid ? ERR_NOT_FOUND : status;
}

int64_t process_caller(const struct packet *packet) {
    struct proc_list_reply each;
    int32_t after = 0;
    while (process_after(after, &each) == OK) {
        if (each.process == packet->process && each.state != 'Z') {
            return each.pid;
        }
        after = each.pid;
    }
    return ERR_NOT_FOUND;
}

// The letter of ps. procd counts who calls it as running, and that is this server.
static const char *state_word(uint32_t state) {
    return state == 'Z'   ? "Z (zombie)"
           : state == 'T' ? "T (stopped)"
           : state == 'R' ? "R (running)"
                          : "S (sleeping)";
}

void make_process_stat(struct procfs *fs, const struct proc_list_reply *process,
                       struct text *text) {
    (void)fs;
    text_add(text, "%d (%.15s) %c %d %d %d 0 -1 0 ", process->pid, process->comm,
             (char)process->state, process->ppid, process->pgid, process->sid);
    // Page faults (4), then user and system time, those of children, priority and nice value.
    text_add(text, "0 0 0 0 %ld 0 0 0 20 0 %u 0 %ld ", process->cpu_ns / TICK_NS, process->threads,
             process->started_ns / TICK_NS);
    text_add(text, "%lu %lu %lu ", process->memory_pages * PAGE_SIZE, process->memory_pages,
             UINT64_MAX);
    // Addresses of code and stack, registers, signals, what it waits for, swapped pages.
    text_add(text, "0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
}

void make_process_statm(struct procfs *fs, const struct proc_list_reply *process,
                        struct text *text) {
    (void)fs;
    text_add(text, "%lu %lu 0 0 0 %lu 0\n", process->memory_pages, process->memory_pages,
             process->memory_pages);
}

void make_process_status(struct procfs *fs, const struct proc_list_reply *process,
                         struct text *text) {
    uint64_t kib = process->memory_pages * (PAGE_SIZE / 1024);
    (void)fs;
    text_add(text, "Name:\t%.15s\nState:\t%s\nTgid:\t%d\nNgid:\t0\n", process->comm,
             state_word(process->state), process->pid);
    text_add(text, "Pid:\t%d\nPPid:\t%d\nTracerPid:\t0\n", process->pid, process->ppid);
    text_add(text, "Uid:\t%u\t%u\t%u\t%u\n", process->uid, process->uid, process->uid,
             process->uid);
    text_add(text, "Gid:\t%u\t%u\t%u\t%u\n", process->gid, process->gid, process->gid,
             process->gid);
    if (process->state != 'Z') {
        text_add(text, "VmSize:\t%8lu kB\nVmRSS:\t%8lu kB\n", kib, kib);
    }
    text_add(text, "Threads:\t%u\n", process->threads);
}

void make_process_cmdline(struct procfs *fs, const struct proc_list_reply *process,
                          struct text *text) {
    (void)fs;
    if (process->state != 'Z') { // of a zombie it is empty
        text_add(text, "%.15s", process->comm);
        text->used++; // the zero belongs to it
    }
}

void make_process_comm(struct procfs *fs, const struct proc_list_reply *process,
                       struct text *text) {
    (void)fs;
    text_add(text, "%.15s\n", process->comm);
}
