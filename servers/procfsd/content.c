// SPDX-License-Identifier: MIT
//
// Files about the whole system. Times are in hundredths of a second, sizes in KiB, as on Linux.

#include "procfs.h"

#include <abi/info.h>
#include <sys/calls.h>
#include <sys/start.h>

#define TICK_NS 10000000
#define PAGE_KIB (PAGE_SIZE / 1024)
#define RELEASE "6.1.0-prunella" // as uname of the libos says
#define BUILD "#1 Prunella " PRUNELLA_VERSION

#define MAKER(file)                                                                                \
    void make_##file(struct procfs *fs, const struct proc_list_reply *process, struct text *text)
#define UNUSED                                                                                     \
    (void)fs;                                                                                      \
    (void)process

static struct system_info kernel_info(void) {
    struct system_info info = {0};
    // The handle is of the service's grants: it can't fail, and zeros are what is known otherwise.
    (void)!sys_object_get(start_handle("system"), &info, sizeof(info));
    return info;
}

// What all Linux processes together are.
struct sum {
    uint32_t threads;
    int32_t last; // the highest pid
    int64_t cpu_ns;
};

static struct sum sum_all(void) {
    struct sum sum = {0};
    struct proc_list_reply each;
    while (process_after(sum.last, &each) == OK) {
        sum.threads += each.threads;
        sum.cpu_ns += each.cpu_ns;
        sum.last = each.pid;
    }
    return sum;
}

// The same sum as it may be told: processes end and take theirs with them, but a counter of
// /proc/stat must not fall.
static int64_t busy_ns(struct procfs *fs, int64_t now) {
    const struct state *state = state_of(fs);
    if (now > state->busy_ns) {
        vault_set(vault_of(fs), &state->busy_ns, now);
    }
    return state->busy_ns;
}

MAKER(version) {
    UNUSED;
    text_add(text, "Linux version %s (prunella) %s\n", RELEASE, BUILD);
}

MAKER(uptime) {
    (void)process;
    struct system_info info = kernel_info();
    int64_t busy = busy_ns(fs, sum_all().cpu_ns);
    int64_t idle = (info.now * info.cpus - busy) / TICK_NS, up = info.now / TICK_NS;
    idle = idle > 0 ? idle : 0;
    text_add(text, "%ld.%02ld %ld.%02ld\n", up / 100, up % 100, idle / 100, idle % 100);
}

// Nobody counts who is ready to run over time: the averages are those of an idle machine.
MAKER(loadavg) {
    UNUSED;
    struct sum sum = sum_all();
    text_add(text, "0.00 0.00 0.00 1/%u %d\n", sum.threads, sum.last);
}

static void add_kib(struct text *text, const char *name, uint64_t pages) {
    text_add(text, "%-15s %8lu kB\n", name, pages * PAGE_KIB);
}

MAKER(meminfo) {
    UNUSED;
    struct system_info info = kernel_info();
    add_kib(text, "MemTotal:", info.total_pages);
    add_kib(text, "MemFree:", info.free_pages);
    add_kib(text, "MemAvailable:", info.free_pages);
    add_kib(text, "Buffers:", 0);
    add_kib(text, "Cached:", 0);
    add_kib(text, "SwapCached:", 0);
    add_kib(text, "SwapTotal:", 0);
    add_kib(text, "SwapFree:", 0);
    add_kib(text, "Shmem:", 0);
    add_kib(text, "Slab:", info.kernel_pages);
    add_kib(text, "SReclaimable:", 0);
    add_kib(text, "SUnreclaim:", info.kernel_pages);
}

MAKER(stat) {
    (void)process;
    struct system_info info = kernel_info();
    struct sum sum = sum_all();
    int64_t busy = busy_ns(fs, sum.cpu_ns) / TICK_NS, all = info.now / TICK_NS * info.cpus;
    int64_t idle = all > busy ? all - busy : 0;
    text_add(text, "cpu  %ld 0 0 %ld 0 0 0 0 0 0\n", busy, idle);
    for (uint32_t i = 0; i < info.cpus; i++) {
        text_add(text, "cpu%u %ld 0 0 %ld 0 0 0 0 0 0\n", i, busy / info.cpus, idle / info.cpus);
    }
    int64_t boot = fs->clock != NULL ? fs->clock->realtime_ns / 1000000000 : 0;
    text_add(text, "intr 0\nctxt %lu\nbtime %ld\nprocesses %d\n", info.aspace_switches, boot,
             sum.last);
    text_add(text, "procs_running 1\nprocs_blocked 0\n"); // the reader
}

MAKER(cpuinfo) {
    (void)process;
    uint32_t cpus = kernel_info().cpus;
    uint64_t khz = fs->clock != NULL ? fs->clock->hertz / 1000 : 0;
    for (uint32_t i = 0; i < cpus; i++) {
        text_add(text, "processor\t: %u\ncpu MHz\t\t: %lu.%03lu\n", i, khz / 1000, khz % 1000);
        text_add(text, "siblings\t: %u\ncpu cores\t: %u\n\n", cpus, cpus);
    }
}

MAKER(filesystems) {
    UNUSED;
    text_add(text, "nodev\ttmpfs\nnodev\tproc\n");
}

MAKER(mounts) {
    (void)process;
    text_add(text, "tmpfs / tmpfs rw,relatime 0 0\nproc %s proc ro,relatime 0 0\n", fs->at);
}

MAKER(ostype) {
    UNUSED;
    text_add(text, "Linux\n");
}

MAKER(osrelease) {
    UNUSED;
    text_add(text, "%s\n", RELEASE);
}

MAKER(hostname) {
    UNUSED;
    text_add(text, "prunella\n");
}

MAKER(pid_max) {
    UNUSED;
    text_add(text, "%d\n", 1 << 22);
}

MAKER(ngroups_max) {
    UNUSED;
    text_add(text, "32\n");
}
