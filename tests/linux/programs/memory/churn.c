// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// Thousands of mappings that come, go and change in no order, fixed and where the system likes,
// against a model of each page; /proc/self/maps must tell the same.

#include "report.h"

#include <fcntl.h>
#include <sys/mman.h>

#define PAGE 4096UL
#define PAGES 2048
#define STEPS 6000
#define LOOKS 6
#define LOOSE 400

// A page of the arena: whether it is mapped, how, and what was written to it last.
struct page {
    bool mapped;
    int protection;
    uint32_t stamp;
};

static struct page model[PAGES];
static char *arena;
static uint32_t seed = 12345;
static unsigned wrong;
static char maps[1 << 19];

static uint32_t chance(uint32_t bound) {
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % bound;
}

static int any_protection(void) {
    static const int choices[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE};
    return choices[chance(3)];
}

static void expect(bool fine) {
    wrong += !fine;
}

static void set_pages(unsigned first, unsigned count, struct page page) {
    for (unsigned i = first; i < first + count; i++) {
        model[i] = page;
    }
}

static void map_fixed(unsigned first, unsigned count) {
    int protection = any_protection();
    void *found = mmap(arena + first * PAGE, count * PAGE, protection,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    expect(found == arena + first * PAGE);
    set_pages(first, count, (struct page){true, protection, 0});
}

static void unmap(unsigned first, unsigned count) {
    expect(munmap(arena + first * PAGE, count * PAGE) == 0);
    set_pages(first, count, (struct page){0});
}

static void protect(unsigned first, unsigned count) {
    int protection = any_protection();
    unsigned mapped = 0;
    while (mapped < count && model[first + mapped].mapped) {
        mapped++;
    }
    int result = mprotect(arena + first * PAGE, count * PAGE, protection);
    expect(result == (mapped == count ? 0 : -1));
    for (unsigned i = first; i < first + mapped; i++) {
        model[i].protection = protection;
    }
}

static void touch(unsigned at) {
    volatile uint32_t *word = (volatile uint32_t *)(arena + at * PAGE);
    if (model[at].mapped && model[at].protection != PROT_NONE) {
        expect(*word == model[at].stamp);
    }
    if (model[at].mapped && model[at].protection == (PROT_READ | PROT_WRITE)) {
        *word = model[at].stamp = seed | 1;
    }
}

static bool is_as_told(const struct page *page, const char *access) {
    int told = (access[0] == 'r' ? PROT_READ : 0) | (access[1] == 'w' ? PROT_WRITE : 0);
    return page->mapped && page->protection == told;
}

// Reads the maps without allocating: that could map something into the arena's holes.
static void read_maps(void) {
    int fd = open("/proc/self/maps", O_RDONLY);
    size_t have = 0;
    for (ssize_t got; (got = read(fd, maps + have, sizeof(maps) - 1 - have)) > 0;) {
        have += (size_t)got;
    }
    maps[have] = 0;
    close(fd);
}

// Compares what /proc/self/maps tells of the arena with the model.
static void look(void) {
    unsigned long start, end, at = (unsigned long)arena, last = at + PAGES * PAGE;
    read_maps();
    for (char *line = maps; *line; line += strcspn(line, "\n") + 1) {
        start = strtoul(line, &line, 16);
        end = strtoul(line + 1, &line, 16);
        for (; at < last && at < start && at < end; at += PAGE) {
            expect(!model[(at - (unsigned long)arena) / PAGE].mapped);
        }
        for (; at < last && at >= start && at < end; at += PAGE) {
            expect(is_as_told(&model[(at - (unsigned long)arena) / PAGE], line + 1));
        }
    }
    expect(at == last);
}

static void step(void) {
    unsigned first = chance(PAGES), count = 1 + chance(chance(8) ? 4 : 64);
    count = count > PAGES - first ? PAGES - first : count;
    switch (chance(8)) {
    case 0:
    case 1:
        map_fixed(first, count);
        break;
    case 2:
        unmap(first, count);
        break;
    case 3:
        protect(first, count);
        break;
    default:
        touch(first);
    }
}

// Mappings whose place the system chooses lie where nothing is, whatever comes and goes.
static void try_loose(void) {
    static struct {
        uint32_t *at;
        size_t bytes;
    } loose[LOOSE];
    for (unsigned i = 0; i < STEPS; i++) {
        unsigned which = chance(LOOSE);
        if (loose[which].at) {
            expect(*loose[which].at == which + 1 &&
                   munmap(loose[which].at, loose[which].bytes) == 0);
            loose[which].at = NULL;
            continue;
        }
        size_t bytes = (1 + chance(chance(4) ? 3 : 200)) * PAGE;
        uint32_t *found =
            mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        expect(found != MAP_FAILED && *found == 0 && found[bytes / 4 - 1] == 0);
        *found = found[bytes / 4 - 1] = which + 1;
        loose[which].at = found;
        loose[which].bytes = bytes;
    }
    for (unsigned i = 0; i < LOOSE; i++) {
        expect(!loose[i].at ||
               (*loose[i].at == i + 1 && loose[i].at[loose[i].bytes / 4 - 1] == i + 1));
    }
}

int main(void) {
    arena = mmap(NULL, PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    set_pages(0, PAGES, (struct page){true, PROT_NONE, 0});
    for (unsigned i = 0; i < STEPS; i++) {
        step();
        if (i % (STEPS / LOOKS) == 0) {
            look();
        }
    }
    look();
    say("in an arena: %u wrong\n", wrong);
    try_loose();
    say("where the system likes: %u wrong\n", wrong);
    return 0;
}
