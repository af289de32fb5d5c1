// SPDX-License-Identifier: MIT
//
// Names of manifests: who depends on whom, and who is refused for it.
// host-sources: servers/init/catalog.c servers/init/manifest.c servers/init/manifest_keys.c
// host-sources: lib/ds/format.c lib/image/ustar.c lib/test/test.c lib/test/test/host_main.c
// host-sources: servers/init/test/host_text.c
#include "../catalog.h"

#include <abi/status.h>
#include <stdio.h>
#include <string.h>
#include <test/host.h>
#include <test/test.h>

static struct catalog catalog;
static char reported[4096];

static void note(const char *line) {
    size_t used = strlen(reported);
    snprintf(reported + used, sizeof(reported) - used, "%s\n", line);
}

static void begin(void) {
    catalog = (struct catalog){.report = note};
    reported[0] = '\0';
}

// Adds a service with further lines.
static void add(const char *name, const char *lines) {
    char path[64];
    char text[512];
    snprintf(path, sizeof(path), "etc/services/%s.svc", name);
    snprintf(text, sizeof(text), "service %s\nprogram sbin/%s\n%s", name, name, lines);
    catalog_add(&catalog, path, text, strlen(text));
}

static bool refused(const char *name) {
    uint8_t i = catalog_find(&catalog, name);
    return i != SERVICE_NONE && catalog.entries[i].refused;
}

static bool said(const char *text) {
    if (strstr(reported, text) == NULL) {
        fprintf(stderr, "'%s' is not in:\n%s", text, reported);
        return false;
    }
    return true;
}

TEST(catalog_resolves_uses_and_needs) {
    begin();
    add("bank", "uses disk as store\nuses svc\nneeds clock\n");
    add("clock", "");
    add("disk", "provides spare\nprovides disk\n");
    catalog_resolve(&catalog);
    CHECK_EQ(reported[0], 0);
    const struct catalog_entry *bank = &catalog.entries[catalog_find(&catalog, "bank")];
    CHECK_EQ(bank->depends,
             1U << catalog_find(&catalog, "clock") | 1U << catalog_find(&catalog, "disk"));
    CHECK(bank->use_entry[0] == catalog_find(&catalog, "disk") && bank->use_channel[0] == 1);
    CHECK_EQ(bank->use_entry[1], SERVICE_INIT);
}

TEST(catalog_refuses_unknown_names) {
    begin();
    add("a", "uses nothing\n");
    add("b", "needs nobody\n");
    add("c", "needs a\n");
    add("d", "grant device serial\n");
    add("e", "grant device parallel\n");
    catalog_resolve(&catalog);
    CHECK(refused("a") && refused("b") && refused("c") && !refused("d") && refused("e"));
    CHECK(said("etc/services/e.svc:0: there is no device parallel"));
    CHECK(said("etc/services/a.svc:0: no service provides channel nothing"));
    CHECK(said("etc/services/b.svc:0: there is no service nobody"));
    CHECK(said("etc/services/c.svc:0: it depends on a refused service: a"));
}

TEST(catalog_refuses_cycles) {
    begin();
    add("a", "needs b\n");
    add("b", "uses c\n");
    add("c", "provides c\nneeds a\n");
    add("d", "needs d\n");
    add("e", "needs a\n");
    add("f", "provides f\n");
    add("g", "uses f\n");
    catalog_resolve(&catalog);
    CHECK(refused("a") && refused("b") && refused("c") && refused("d") && refused("e"));
    CHECK(!refused("f") && !refused("g"));
    CHECK(said("etc/services/a.svc:0: it depends on itself"));
    CHECK(said("etc/services/d.svc:0: it depends on itself"));
    CHECK(said("etc/services/e.svc:0: it depends on a refused service: a"));
}

TEST(catalog_refuses_a_bad_file_alone) {
    begin();
    add("a", "colour red\n");
    add("b", "needs a\n");
    add("c", "");
    catalog_resolve(&catalog);
    CHECK(refused("a") && refused("b") && !refused("c"));
    CHECK(said("etc/services/a.svc:3: there is no key colour"));
}

TEST(catalog_gives_a_channel_to_the_first) {
    begin();
    add("a", "provides x\n");
    add("b", "provides x\n");
    add("c", "uses x\n");
    add("d", "provides svc\n");
    catalog_resolve(&catalog);
    CHECK(!refused("a") && refused("b") && !refused("c") && refused("d"));
    CHECK(said("another service provides channel x"));
}

TEST(catalog_wants_the_name_of_the_file) {
    begin();
    const char *text = "service b\nprogram b\n";
    catalog_add(&catalog, "etc/services/a.svc", text, strlen(text));
    add("init", "");
    add("run", "");
    add("b", "");
    add("b", "");
    catalog_resolve(&catalog);
    CHECK_EQ(catalog.count, 1);
    CHECK(!refused("b"));
    CHECK(said("a.svc:0: service b belongs into a file of its name"));
    CHECK(said("the name init is taken") && said("the name run is taken"));
    CHECK(said("the name b is taken"));
}

TEST(catalog_is_bounded) {
    begin();
    for (int i = 0; i < SERVICES_MAX + 3; i++) {
        char name[16];
        snprintf(name, sizeof(name), "s%d", i);
        add(name, "");
    }
    catalog_resolve(&catalog);
    CHECK_EQ(catalog.count, SERVICES_MAX);
    CHECK(said("there are more than 32 services"));
}

// Random graphs: what is accepted can be put in order, and what is refused had a reason.
TEST(catalog_accepts_exactly_what_has_an_order) {
    uint64_t state = test_seed();
    for (int round = 0; round < 500; round++) {
        begin();
        uint32_t count = 2 + (uint32_t)test_random_below(&state, SERVICES_MAX - 2);
        for (uint32_t i = 0; i < count; i++) {
            char name[16];
            char lines[128] = "";
            snprintf(name, sizeof(name), "s%u", i);
            for (uint64_t k = test_random_below(&state, 3); k > 0; k--) {
                size_t used = strlen(lines);
                snprintf(lines + used, sizeof(lines) - used, "needs s%u\n",
                         (uint32_t)test_random_below(&state, count + (round % 3 == 0)));
            }
            add(name, lines);
        }
        catalog_resolve(&catalog);
        uint64_t up = 0;
        for (uint32_t pass = 0; pass < count; pass++) {
            for (uint32_t i = 0; i < count; i++) {
                const struct catalog_entry *entry = &catalog.entries[i];
                if (!entry->refused && (entry->depends & ~up) == 0) {
                    up |= 1UL << i;
                }
            }
        }
        for (uint32_t i = 0; i < count; i++) {
            CHECK_EQ(catalog.entries[i].refused, (up & 1UL << i) == 0);
        }
    }
}

// Archives that are damaged or hold noise: no crash, and only proper entries.
TEST(catalog_survives_noise) {
    static uint8_t archive[4096];
    uint64_t state = test_seed();
    for (int round = 0; round < 2000; round++) {
        begin();
        for (size_t i = 0; i < sizeof(archive); i++) {
            archive[i] = (uint8_t)test_random(&state);
        }
        CHECK(catalog_load(&catalog, archive, test_random_below(&state, sizeof(archive))) != OK);
        CHECK_EQ(catalog.count, 0);
    }
}
