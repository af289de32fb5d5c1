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

#define MAKER(file) void make_##file(const struct making *making)

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
    struct subject each;
    while (subject_after(sum.last, &each) == OK) {
        sum.threads += each.known.threads;
        sum.cpu_ns += each.known.cpu_ns;
        sum.last = each.known.pid;
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
    text_add(making->text, "Linux version %s (prunella) %s\n", RELEASE, BUILD);
}

MAKER(uptime) {
    struct system_info info = kernel_info();
    int64_t busy = busy_ns(making->fs, sum_all().cpu_ns);
    int64_t idle = (info.now * info.cpus - busy) / TICK_NS, up = info.now / TICK_NS;
    idle = idle > 0 ? idle : 0;
    text_add(making->text, "%ld.%02ld %ld.%02ld\n", up / 100, up % 100, idle / 100, idle % 100);
}

// Nobody counts who is ready to run over time: the averages are those of an idle machine.
MAKER(loadavg) {
    struct sum sum = sum_all();
    text_add(making->text, "0.00 0.00 0.00 1/%u %d\n", sum.threads, sum.last);
}

static void add_kib(struct text *text, const char *name, uint64_t pages) {
    text_add(text, "%-15s %8lu kB\n", name, pages * PAGE_KIB);
}

MAKER(meminfo) {
    struct system_info info = kernel_info();
    add_kib(making->text, "MemTotal:", info.total_pages);
    add_kib(making->text, "MemFree:", info.free_pages);
    add_kib(making->text, "MemAvailable:", info.free_pages);
    add_kib(making->text, "Buffers:", 0);
    add_kib(making->text, "Cached:", 0);
    add_kib(making->text, "SwapCached:", 0);
    add_kib(making->text, "SwapTotal:", 0);
    add_kib(making->text, "SwapFree:", 0);
    add_kib(making->text, "Shmem:", 0);
    add_kib(making->text, "Slab:", info.kernel_pages);
    add_kib(making->text, "SReclaimable:", 0);
    add_kib(making->text, "SUnreclaim:", info.kernel_pages);
}

MAKER(stat) {
    struct system_info info = kernel_info();
    struct sum sum = sum_all();
    int64_t busy = busy_ns(making->fs, sum.cpu_ns) / TICK_NS, all = info.now / TICK_NS * info.cpus;
    int64_t idle = all > busy ? all - busy : 0;
    text_add(making->text, "cpu  %ld 0 0 %ld 0 0 0 0 0 0\n", busy, idle);
    for (uint32_t i = 0; i < info.cpus; i++) {
        text_add(making->text, "cpu%u %ld 0 0 %ld 0 0 0 0 0 0\n", i, busy / info.cpus,
                 idle / info.cpus);
    }
    int64_t boot = making->fs->clock != NULL ? making->fs->clock->realtime_ns / 1000000000 : 0;
    text_add(making->text, "intr 0\nctxt %lu\nbtime %ld\nprocesses %d\n", info.aspace_switches,
             boot, sum.last);
    text_add(making->text, "procs_running 1\nprocs_blocked 0\n"); // the reader
}

MAKER(cpuinfo) {
    uint32_t cpus = kernel_info().cpus;
    uint64_t khz = making->fs->clock != NULL ? making->fs->clock->hertz / 1000 : 0;
    for (uint32_t i = 0; i < cpus; i++) {
        text_add(making->text, "processor\t: %u\ncpu MHz\t\t: %lu.%03lu\n", i, khz / 1000,
                 khz % 1000);
        text_add(making->text, "siblings\t: %u\ncpu cores\t: %u\n\n", cpus, cpus);
    }
}

MAKER(filesystems) {
    text_add(making->text, "nodev\ttmpfs\nnodev\tproc\n");
}

MAKER(mounts) {
    text_add(making->text, "tmpfs / tmpfs rw,relatime 0 0\nproc %s proc ro,relatime 0 0\n",
             making->fs->at);
}

MAKER(ostype) {
    text_add(making->text, "Linux\n");
}

MAKER(osrelease) {
    text_add(making->text, "%s\n", RELEASE);
}

MAKER(hostname) {
    text_add(making->text, "prunella\n");
}

MAKER(pid_max) {
    text_add(making->text, "%d\n", 1 << 22);
}

MAKER(ngroups_max) {
    text_add(making->text, "32\n");
}
