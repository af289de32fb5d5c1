// SPDX-License-Identifier: MIT
//
// Short files of a process, as Linux writes them. What the process has in its own memory is copied
// from there.

#include "procfs.h"

#include <sys/calls.h>

#define TICK_NS 10000000 // Linux counts times of processes in hundredths of a second
#define SIGNAL_CHLD 17

// What the signal page says of a thread; the page is the process's own to write.
static struct signal_thread thread_signals(const struct signal_page *page, int32_t tid) {
    for (uint32_t i = 0; i < SIGNAL_THREADS; i++) {
        if (page->threads[i].thread != 0 && page->threads[i].tid == tid) {
            return page->threads[i];
        }
    }
    return (struct signal_thread){0};
}

static int32_t thread_of(const struct making *making) {
    return making->place.number != 0 ? making->place.number : making->place.pid;
}

// The first eight fields, which a zombie has as well.
static void add_identity(const struct making *making) {
    const struct proc_list_reply *known = &making->subject->known;
    char name[LIBOS_NAME_BYTES];
    int32_t tid = thread_of(making);
    subject_name(making->subject, tid, name);
    text_add(making->text, "%d (%s) %c %d %d %d %u -1 ", tid, name, (char)known->state, known->ppid,
             known->pgid, known->sid, (uint32_t)known->terminal);
}

void make_process_stat(const struct making *making) {
    struct subject *subject = making->subject;
    const struct proc_list_reply *known = &subject->known;
    struct text *text = making->text;
    struct signal_page page = {0};
    struct libos_info info = {0};
    uint64_t brk[2] = {0};
    add_identity(making);
    struct memory_sum sum = memory_sum(subject);
    if (subject_look(subject)) {
        (void)!sys_vmo_read(subject->signals, 0, &page, sizeof(page));
    }
    if (subject_allows(subject, making->packet)) {
        info = subject->info; // addresses are nobody else's business
        (void)subject_read(subject, info.brk, brk, sizeof(brk));
    }
    struct signal_thread thread = thread_signals(&page, thread_of(making));
    // Flags and page faults (4), then user and system time, those of children.
    text_add(text, "0 0 0 0 0 %ld 0 0 0 20 0 %u 0 %ld ", known->cpu_ns / TICK_NS,
             known->threads != 0 ? known->threads : 1, known->started_ns / TICK_NS);
    text_add(text, "%lu %lu %lu ", sum.all * PAGE_SIZE, sum.resident, UINT64_MAX);
    text_add(text, "%lu %lu %lu 0 0 ", info.code_start, info.code_end, info.stack_start);
    const uint64_t old = (1UL << 31) - 1; // only the first 31 signals have room in these four
    text_add(text, "%lu %lu %lu %lu ", (page.pending | thread.pending) & old, thread.blocked & old,
             page.ignored & old, page.caught & old);
    text_add(text, "0 0 0 %d 0 0 0 0 0 0 0 0 ", SIGNAL_CHLD);
    text_add(text, "%lu %lu %lu %lu %lu %ld\n", brk[0], info.args_start, info.args_end,
             info.environ_start, info.environ_end, known->status);
}

void make_process_statm(const struct making *making) {
    struct memory_sum sum = memory_sum(making->subject);
    text_add(making->text, "%lu %lu 0 %lu 0 %lu 0\n", sum.all, sum.resident, sum.code,
             sum.data + sum.stack);
}

void make_process_comm(const struct making *making) {
    char name[LIBOS_NAME_BYTES];
    subject_name(making->subject, thread_of(making), name);
    text_add(making->text, "%s\n", name);
}

// Copies a range of the process's memory, as far as there is room.
static void add_memory(const struct making *making, vaddr_t start, vaddr_t end) {
    struct text *text = making->text;
    uint64_t room = text->size - text->used, bytes = end > start ? end - start : 0;
    bytes = bytes < room ? bytes : room;
    text->used += (uint32_t)subject_copy(making->subject, start, text->bytes + text->used, bytes);
}

// Programs that write over their arguments may go on into their environment: then the title ends at
// the first zero.
void make_process_cmdline(const struct making *making) {
    struct text *text = making->text;
    const struct libos_info *info = &making->subject->info;
    if (!subject_look(making->subject)) {
        return; // of a zombie it is empty
    }
    add_memory(making, info->args_start, info->args_end);
    if (text->used == 0 || text->bytes[text->used - 1] == '\0') {
        return;
    }
    uint32_t end = text->used;
    add_memory(making, info->environ_start, info->environ_end);
    while (end < text->used && text->bytes[end] != '\0') {
        end++;
    }
    text->used = end;
}

void make_process_environ(const struct making *making) {
    if (subject_look(making->subject)) {
        add_memory(making, making->subject->info.environ_start, making->subject->info.environ_end);
    }
}

void make_process_auxv(const struct making *making) {
    if (subject_look(making->subject)) {
        add_memory(making, making->subject->info.auxv_start, making->subject->info.auxv_end);
    }
}
