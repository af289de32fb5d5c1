// SPDX-License-Identifier: MIT
//
// The long forms: status and limits.

#include "procfs.h"

#include <sys/calls.h>

#define PAGE_KIB (PAGE_SIZE / 1024)
#define CAPABILITIES_ALL 0x1ffffffffffUL
#define FD_SIZE_LEAST 64

// The letter of ps. procd counts who calls it as running, and that is this server.
static const char *state_word(uint32_t state) {
    return state == 'Z'   ? "Z (zombie)"
           : state == 'T' ? "T (stopped)"
           : state == 'R' ? "R (running)"
                          : "S (sleeping)";
}

static void add_four(struct text *text, const char *name, const uint32_t ids[4]) {
    text_add(text, "%s:\t%u\t%u\t%u\t%u\n", name, ids[0], ids[1], ids[2], ids[3]);
}

// As many descriptors as Linux would have room for: it begins with 64 and doubles.
static uint32_t fd_size(struct subject *subject) {
    uint32_t size = FD_SIZE_LEAST;
    for (int32_t fd = subject_next_file(subject, 0); fd >= 0;
         fd = subject_next_file(subject, fd + 1)) {
        while ((uint32_t)fd >= size) {
            size *= 2;
        }
    }
    return size;
}

static void add_memory(struct text *text, struct subject *subject) {
    struct memory_sum sum = memory_sum(subject);
    const struct {
        const char *name;
        uint64_t pages;
    } lines[] = {
        {"VmPeak:", sum.all},
        {"VmSize:", sum.all},
        {"VmLck:", 0},
        {"VmPin:", 0},
        {"VmHWM:", sum.resident},
        {"VmRSS:", sum.resident},
        {"VmData:", sum.data},
        {"VmStk:", sum.stack},
        {"VmExe:", sum.code},
        {"VmLib:", 0},
        {"VmPTE:", 0},
        {"VmSwap:", 0},
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        text_add(text, "%s\t%8lu kB\n", lines[i].name, lines[i].pages * PAGE_KIB);
    }
}

static void add_signals(struct text *text, const struct signal_page *page, int32_t tid) {
    uint64_t pending = 0, blocked = 0;
    for (uint32_t i = 0; i < SIGNAL_THREADS; i++) {
        const struct signal_thread *thread = &page->threads[i];
        if (thread->thread != 0 && thread->tid == tid) {
            pending = thread->pending;
            blocked = thread->blocked;
        }
    }
    text_add(text, "SigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\n", pending, page->pending,
             blocked);
    text_add(text, "SigIgn:\t%016lx\nSigCgt:\t%016lx\n", page->ignored, page->caught);
}

// The identity page, which procd writes: of one moment, but for a procd that died over it.
static struct identity_page identity_of(struct subject *subject) {
    struct identity_page page = {0};
    uint32_t tries = 3;
    do {
        if (!subject_look(subject) ||
            sys_vmo_read(subject->identity, 0, &page, sizeof(page)) != sizeof(page)) {
            return (struct identity_page){0};
        }
    } while ((page.sequence & 1) != 0 && --tries > 0);
    page.group_count = page.group_count < 32 ? page.group_count : 32;
    return page;
}

void make_process_status(const struct making *making) {
    struct subject *subject = making->subject;
    const struct proc_list_reply *known = &subject->known;
    struct text *text = making->text;
    int32_t tid = making->place.number != 0 ? making->place.number : known->pid;
    char name[LIBOS_NAME_BYTES];
    bool alive = subject_look(subject);
    struct identity_page identity = identity_of(subject);
    uint32_t umask = 0;
    subject_name(subject, tid, name);
    text_add(text, "Name:\t%s\n", name);
    if (subject_read(subject, subject->info.umask, &umask, sizeof(umask))) {
        text_add(text, "Umask:\t0%u%u%u\n", umask >> 6 & 7, umask >> 3 & 7, umask & 7);
    }
    text_add(text, "State:\t%s\nTgid:\t%d\nNgid:\t0\n", state_word(known->state), known->pid);
    text_add(text, "Pid:\t%d\nPPid:\t%d\nTracerPid:\t0\n", tid, known->ppid);
    add_four(text, "Uid", known->ids);
    add_four(text, "Gid", known->ids + 4);
    text_add(text, "FDSize:\t%u\nGroups:\t", alive ? fd_size(subject) : 0);
    for (uint32_t i = 0; i < identity.group_count; i++) {
        text_add(text, "%u ", identity.groups[i]);
    }
    text_add(text, "\nNStgid:\t%d\nNSpid:\t%d\nNSpgid:\t%d\nNSsid:\t%d\n", known->pid, tid,
             known->pgid, known->sid);
    if (alive) {
        add_memory(text, subject);
    }
    text_add(text, "Threads:\t%u\nSigQ:\t0/%u\n", known->threads != 0 ? known->threads : 1,
             SIGNAL_SLOTS);
    struct signal_page page = {0};
    if (alive) {
        (void)!sys_vmo_read(subject->signals, 0, &page, sizeof(page));
    }
    add_signals(text, &page, tid);
    text_add(text, "CapInh:\t%016lx\nCapPrm:\t%016lx\nCapEff:\t%016lx\n", 0UL,
             identity.capabilities, identity.capabilities);
    text_add(text, "CapBnd:\t%016lx\nCapAmb:\t%016lx\n", CAPABILITIES_ALL, 0UL);
    text_add(text, "NoNewPrivs:\t0\nSeccomp:\t0\n");
}

// ---- limits

static const struct {
    const char *name, *unit;
} limits[16] = {
    {"Max cpu time", "seconds"},     {"Max file size", "bytes"},
    {"Max data size", "bytes"},      {"Max stack size", "bytes"},
    {"Max core file size", "bytes"}, {"Max resident set", "bytes"},
    {"Max processes", "processes"},  {"Max open files", "files"},
    {"Max locked memory", "bytes"},  {"Max address space", "bytes"},
    {"Max file locks", "locks"},     {"Max pending signals", "signals"},
    {"Max msgqueue size", "bytes"},  {"Max nice priority", NULL},
    {"Max realtime priority", NULL}, {"Max realtime timeout", "us"},
};

static void add_limit(struct text *text, uint64_t limit) {
    if (limit == UINT64_MAX) {
        text_add(text, "%-20s ", "unlimited");
    } else {
        text_add(text, "%-20lu ", limit);
    }
}

void make_process_limits(const struct making *making) {
    struct text *text = making->text;
    if (!subject_look(making->subject)) {
        return;
    }
    struct identity_page identity = identity_of(making->subject);
    text_add(text, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        text_add(text, "%-25s ", limits[i].name);
        add_limit(text, identity.limits[i][0]);
        add_limit(text, identity.limits[i][1]);
        if (limits[i].unit != NULL) {
            text_add(text, "%-10s", limits[i].unit);
        }
        text_add(text, "\n");
    }
}
