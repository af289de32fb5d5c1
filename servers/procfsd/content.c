// SPDX-License-Identifier: MIT
//
// Files about the whole system. Times are in hundredths of a second, sizes in KiB, as on Linux.

#include "procfs.h"

#include <proto/proc_client.h>
#include <sys/calls.h>
#include <sys/start.h>
#include <sys/string.h>

#define TICK_NS 10000000
#define PAGE_KIB (PAGE_SIZE / 1024)
#define RELEASE "6.1.0-prunella" // as uname of the libos says
#define BUILD "#1 Prunella " PRUNELLA_VERSION

#define MAKER(file) void make_##file(const struct making *making)

struct system_info kernel_info(void) {
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

MAKER(osrelease) {
    text_add(making->text, "%s\n", RELEASE);
}

MAKER(kernel_version) {
    text_add(making->text, "%s\n", BUILD);
}

MAKER(hostname) {
    struct proc_host_name_reply reply = {0};
    (void)!proc_host_name(start_handle("proc"), &reply, INSTANT_NEVER);
    text_add(making->text, "%s\n", reply.name);
}

int64_t store_hostname(const char *text) {
    struct proc_set_host_name_request request = {0};
    (void)text_copy(request.name, sizeof(request.name), text);
    return proc_set_host_name(start_handle("proc"), &request, INSTANT_NEVER);
}

// As RFC 4122 writes random ones.
static void add_uuid(struct text *text, const uint64_t random[2]) {
    uint64_t a = (random[0] & ~0xf000UL) | 0x4000UL;
    uint64_t b = (random[1] & ~(3UL << 62)) | 2UL << 62;
    text_add(text, "%08lx-%04lx-%04lx-%04lx-%012lx\n", a >> 32, a >> 16 & 0xffff, a & 0xffff,
             b >> 48, b & 0xffffffffffff);
}

MAKER(uuid) {
    uint64_t random[2] = {0};
    (void)!sys_random_get(random, sizeof(random));
    add_uuid(making->text, random);
}

MAKER(boot_id) {
    const struct state *state = state_of(making->fs);
    uint64_t random[2];
    if (state->boot_id[0] == 0 && sys_random_get(random, sizeof(random)) == OK) {
        vault_set_bytes(vault_of(making->fs), state->boot_id, random, sizeof(random));
    }
    add_uuid(making->text, state->boot_id);
}
