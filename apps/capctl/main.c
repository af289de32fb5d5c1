// SPDX-License-Identifier: MIT
//
// Shows what a process holds, and takes it away.

#include <abi/names.h>
#include <abi/proto/svc.h>
#include <proto/svc_client.h>
#include <sys/calls.h>
#include <sys/start.h>
#include <sys/string.h>
#include <tool/print.h>

#define TIMEOUT SECONDS(10)
#define SERVICES_SHOWN 64
#define STEP 32

static const char help[] = "capctl: shows what a process holds, and takes it away\n"
                           "  capctl list NAME           handles of a service, or of init\n"
                           "  capctl list NUMBER         handles of the process with this id\n"
                           "  capctl revoke NAME GRANT   takes a channel from a service that was\n"
                           "                             granted it by its manifest\n"
                           "needs the handle svc\n";

static handle_t channel;
static struct svc_entry services[SERVICES_SHOWN];
static uint32_t service_count;

static instant_t soon(void) {
    return sys_clock_get() + TIMEOUT;
}

static int64_t fail(const char *what, const char *name, int64_t status) {
    switch (status) {
    case ERR_NOT_FOUND:
        return print_error("capctl", "there is nothing to %s: %s", what, name);
    case ERR_BAD_HANDLE:
        return print_error("capctl", "this program was not given the handle svc");
    default:
        return print_error("capctl", "can't %s %s: %s", what, name, status_name(status));
    }
}

static int64_t load_services(void) {
    struct svc_list_request request = {0};
    while (service_count < SERVICES_SHOWN) {
        int64_t count = svc_list(channel, &request, &services[service_count],
                                 (SERVICES_SHOWN - service_count) * sizeof(services[0]), soon());
        if (count <= 0) {
            return count;
        }
        service_count += (uint32_t)count;
        request.first += (uint32_t)count;
    }
    return 0;
}

// Who made an object: the kernel and init have no stamp.
static const char *provider_name(uint64_t provider) {
    for (uint32_t i = 0; i < service_count; i++) {
        if (provider != 0 && services[i].provider == provider) {
            return services[i].name;
        }
    }
    return provider == 0 ? "system" : "?";
}

static void show_handle(const struct svc_handle *handle) {
    char rights[160];
    print_rights(rights, sizeof(rights), handle->rights);
    print_line("%8x %-9s %7lu %5u %-12s %s", handle->handle, object_type_name(handle->type),
               handle->object, handle->depth, provider_name(handle->provider), rights);
}

static int64_t list(const char *name) {
    struct svc_handles_request request = {0};
    struct svc_handle handles[STEP];
    if (!print_parse_number(name, &request.process)) {
        text_copy(request.name, sizeof(request.name), name);
    }
    int64_t status = load_services();
    if (status < 0) {
        return fail("list", "services", status);
    }
    print_line("%8s %-9s %7s %5s %-12s %s", "HANDLE", "TYPE", "OBJECT", "DEPTH", "MADE-BY",
               "RIGHTS");
    for (;;) {
        int64_t count = svc_handles(channel, &request, handles, sizeof(handles), soon());
        if (count <= 0) {
            return count == 0 ? 0 : fail("list", name, count);
        }
        for (int64_t i = 0; i < count; i++) {
            show_handle(&handles[i]);
        }
        request.cursor = handles[count - 1].handle;
    }
}

static int64_t revoke(const char *name, const char *grant) {
    struct svc_revoke_request request = {0};
    text_copy(request.name, sizeof(request.name), name);
    text_copy(request.grant, sizeof(request.grant), grant);
    int64_t status = svc_revoke(channel, &request, soon());
    if (status < 0) {
        return fail("revoke", grant, status);
    }
    print_line("capctl: %s has lost %s", name, grant);
    return 0;
}

int64_t native_main(struct thread_block *block) {
    (void)block;
    if (print_wants_help()) {
        print_text(help);
        return start_argument_count() == 0;
    }
    channel = start_handle("svc");
    const char *word = start_argument(0);
    uint32_t count = start_argument_count();
    if (strcmp(word, "list") == 0 && count == 2) {
        return list(start_argument(1));
    }
    if (strcmp(word, "revoke") == 0 && count == 3) {
        return revoke(start_argument(1), start_argument(2));
    }
    return print_error("capctl", "can't do that: %s; see capctl --help", word);
}
