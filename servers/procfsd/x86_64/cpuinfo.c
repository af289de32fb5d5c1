// SPDX-License-Identifier: MIT
//
// /proc/cpuinfo, from what the processor says of itself (CPUID; Intel's manual, volume 2A, and
// AMD's, volume 3, appendix E). Names of features are those of Linux. All CPUs are taken to be like
// the one that this runs on.

#include "../procfs.h"

#include <sys/string.h>

struct leaf {
    uint32_t a, b, c, d;
};

static struct leaf cpuid(uint32_t number) {
    struct leaf leaf = {.a = number};
    __asm__ volatile("cpuid" : "+a"(leaf.a), "=b"(leaf.b), "+c"(leaf.c), "=d"(leaf.d));
    return leaf;
}

// Names of the bits of a register, from bit 0 on, one blank behind each; a dash has no name.
static const char features_1d[] = "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov "
                                  "pat pse36 pn clflush - dts acpi "
                                  "mmx fxsr sse sse2 ss ht tm ia64 pbe ";
static const char features_extended_d[] =
    "- - - - - - - - - - - syscall - - - - - - - mp nx - mmxext - - fxsr_opt pdpe1gb rdtscp - lm "
    "3dnowext 3dnow ";
static const char features_1c[] =
    "pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 xtpr pdcm - pcid "
    "dca "
    "sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave - avx f16c rdrand hypervisor ";
static const char features_extended_c[] = "lahf_lm cmp_legacy svm extapic cr8_legacy abm sse4a "
                                          "misalignsse 3dnowprefetch osvw ibs xop skinit "
                                          "wdt - lwp fma4 tce - - - tbm topoext perfctr_core "
                                          "perfctr_nb - bpext ptsc perfctr_llc mwaitx - - ";
static const char features_7b[] =
    "fsgsbase tsc_adjust - bmi1 hle avx2 - smep bmi2 erms invpcid rtm cqm - mpx rdt_a avx512f "
    "avx512dq "
    "rdseed adx smap avx512ifma - clflushopt clwb intel_pt - - avx512cd sha_ni avx512bw avx512vl ";
static const char features_7c[] =
    "- avx512vbmi umip pku ospke waitpkg avx512_vbmi2 - gfni vaes vpclmulqdq avx512_vnni "
    "avx512_bitalg "
    "tme avx512_vpopcntdq - la57 - - - - - rdpid - - cldemote - movdiri movdir64b enqcmd - - ";

static void add_features(struct text *text, uint32_t bits, const char *names) {
    for (uint32_t bit = 0; bit < 32 && *names != '\0'; bit++) {
        const char *end = strchr(names, ' ');
        if ((bits >> bit & 1) != 0 && *names != '-') {
            for (; names < end; names++) {
                text_add(text, "%c", *names);
            }
            text_add(text, " ");
        }
        names = end + 1;
    }
}

static void add_flags(struct text *text) {
    uint32_t last = cpuid(0).a;
    struct leaf one = cpuid(1), seven = last >= 7 ? cpuid(7) : (struct leaf){0};
    struct leaf extended = cpuid(0x80000000).a > 0x80000000 ? cpuid(0x80000001) : (struct leaf){0};
    text_add(text, "flags\t\t: ");
    add_features(text, one.d, features_1d);
    add_features(text, extended.d, features_extended_d);
    add_features(text, one.c, features_1c);
    add_features(text, extended.c, features_extended_c);
    add_features(text, seven.b, features_7b);
    add_features(text, seven.c, features_7c);
    text->used--; // no blank at the end
    text_add(text, "\n");
}

static void add_model(struct text *text) {
    struct leaf zero = cpuid(0), one = cpuid(1);
    uint32_t vendor[4] = {zero.b, zero.d, zero.c, 0};
    char name[49] = "";
    uint32_t family = one.a >> 8 & 15, model = one.a >> 4 & 15;
    if (family == 6 || family == 15) {
        model |= one.a >> 12 & 0xf0;
    }
    family += family == 15 ? one.a >> 20 & 0xff : 0;
    for (uint32_t i = 0; i < 3 && cpuid(0x80000000).a >= 0x80000004; i++) {
        struct leaf part = cpuid(0x80000002 + i);
        memcpy(name + i * sizeof(part), &part, sizeof(part));
    }
    text_add(text, "vendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\n", (const char *)vendor,
             family, model);
    text_add(text, "model name\t: %s\nstepping\t: %u\n", name, one.a & 15);
}

void make_cpuinfo(const struct making *making) {
    struct text *text = making->text;
    const struct clock_page *clock = making->fs->clock;
    uint32_t cpus = kernel_info().cpus;
    uint64_t khz = clock != NULL ? clock->hertz / 1000 : 0;
    struct leaf sizes = cpuid(0x80000000).a >= 0x80000008 ? cpuid(0x80000008) : (struct leaf){0};
    for (uint32_t i = 0; i < cpus; i++) {
        text_add(text, "processor\t: %u\n", i);
        add_model(text);
        text_add(text, "cpu MHz\t\t: %lu.%03lu\nphysical id\t: 0\nsiblings\t: %u\n", khz / 1000,
                 khz % 1000, cpus);
        text_add(text, "core id\t\t: %u\ncpu cores\t: %u\napicid\t\t: %u\n", i, cpus, i);
        text_add(text, "fpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: %u\nwp\t\t: yes\n",
                 cpuid(0).a);
        add_flags(text);
        text_add(text, "bogomips\t: %lu.%02lu\nclflush size\t: %u\ncache_alignment\t: 64\n",
                 khz / 500, khz / 5 % 100, (cpuid(1).b >> 8 & 0xff) * 8);
        text_add(text, "address sizes\t: %u bits physical, %u bits virtual\n\n", sizes.a & 0xff,
                 sizes.a >> 8 & 0xff);
    }
}
