// SPDX-License-Identifier: MIT
// libcs: musl glibc klibc
// run:
//
// What the system says of itself.

#include "report.h"

#include <sys/syscall.h>
#include <sys/utsname.h>

// As the kernel lays it out; libcs hide parts of it.
struct info {
    long uptime;
    unsigned long loads[3], total_ram, free_ram, shared_ram, buffer_ram, total_swap, free_swap;
    unsigned short processes, pad;
    unsigned long total_high, free_high;
    unsigned unit;
    char rest[64];
};

int main(void) {
    struct utsname name;
    report("uname", uname(&name));
    say("%s on %s\n", name.sysname, name.machine);
    check("the release begins with a number", name.release[0] >= '1' && name.release[0] <= '9');
    check("the release has a dot", strchr(name.release, '.') != NULL);
    check("the version says something", name.version[0] != 0);
    check("the host has a name", name.nodename[0] != 0);
    struct info info;
    memset(&info, 0, sizeof(info));
    report_raw("sysinfo", raw(__NR_sysinfo, &info));
    check("some memory, some of it free", info.total_ram > 0 && info.free_ram > 0);
    check("not more free than there is", info.free_ram <= info.total_ram);
    check("a unit", info.unit >= 1);
    check("a process at least", info.processes >= 1);
    say("swap %lu\n", info.total_swap);
    unsigned char set[128] = {0};
    long size = raw(__NR_sched_getaffinity, 0, sizeof(set), set);
    check("a CPU at least", size >= 8 && set[0] != 0);
    report_raw("too little room for the CPUs", raw(__NR_sched_getaffinity, 0, 1, set));
    unsigned cpu = 9999;
    report_raw("getcpu", raw(__NR_getcpu, &cpu, 0, 0));
    check("the CPU is one of them", cpu < 1024 && set[cpu / 8] >> cpu % 8 & 1);
    report_raw("personality", raw(__NR_personality, 0xffffffff));
    return 0;
}
