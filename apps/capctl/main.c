// SPDX-License-Identifier: MIT
//
// Shows what a process holds, and takes it away.

#include <abi/names.h>
#include <abi/proto/svc.h>
#include <abi/status.h>
#include <proto/svc_client.h>
#include <abi/service_device.h>
#include <sys/string.h>
#include <tool/linux.h>
#include <tool/tool.h>

#define DEVICE "/dev/svc"
#define SERVICES_SHOWN 64
#define STEP 32

static const char help[] =
    "Usage: capctl COMMAND WHOSE [GRANT]\n"
    "Shows what a process holds, and takes it away.\n"
    "  capctl list NAME           handles of a service, or of init\n"
    "  capctl list PID            handles of a Linux process\n"
    "  capctl list process:ID     handles of any process, by the number that svc shows\n"
    "  capctl revoke NAME GRANT   takes a channel from a service that was granted it by its\n"
    "                             manifest, and from everybody that it was passed to\n"
    "DEPTH: by how many derivations a handle is away from the object's first one.\n"
    "Needs " DEVICE ", which is root's. Exit status: 0, 1 when it could not be done, 2 for wrong\n"
    "words.\n";

static handle_t channel;
static struct svc_entry services[SERVICES_SHOWN];
static uint32_t service_count;

static int fail(const char *what, const char *name, int64_t status) {
    switch (status) {
    case ERR_NOT_FOUND:
        return print_error("capctl", "there is nothing to %s: %s", what, name);
    default:
        return print_error("capctl", "can't %s %s: %s", what, name, status_name(status));
    }
}

static int64_t load_services(void) {
    struct svc_list_request request = {0};
    while (service_count < SERVICES_SHOWN) {
        int64_t count =
            svc_list(channel, &request, &services[service_count],
                     (SERVICES_SHOWN - service_count) * sizeof(services[0]), INSTANT_NEVER);
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

// Whose handles are wanted. False: that was said on standard error.
static bool find(const char *whose, struct svc_handles_request *request) {
    static const char by_id[] = "process:";
    size_t prefix = sizeof(by_id) - 1;
    uint64_t pid;
    if (strncmp(whose, by_id, prefix) == 0) {
        bool number = print_parse_number(whose + prefix, &request->process);
        return number || print_error("capctl", "%s is no number", whose + prefix) == TOOL_OK;
    }
    if (!print_parse_number(whose, &pid)) {
        text_copy(request->name, sizeof(request->name), whose);
        return true;
    }
    bool found = linux_ioctl(channel, DEVICE_PROCESS, &pid) == 0;
    request->process = pid;
    return found || print_error("capctl", "there is no process %s", whose) == TOOL_OK;
}

static int list(const char *name) {
    struct svc_handles_request request = {0};
    struct svc_handle handles[STEP];
    if (!find(name, &request)) {
        return TOOL_FAILED;
    }
    int64_t status = load_services();
    if (status < 0) {
        return fail("list", "services", status);
    }
    for (;;) {
        int64_t count = svc_handles(channel, &request, handles, sizeof(handles), INSTANT_NEVER);
        if (count <= 0) {
            return count == 0 ? 0 : fail("list", name, count);
        }
        if (request.cursor == 0) {
            print_line("%8s %-9s %7s %5s %-12s %s", "HANDLE", "TYPE", "OBJECT", "DEPTH", "MADE-BY",
                       "RIGHTS");
        }
        for (int64_t i = 0; i < count; i++) {
            show_handle(&handles[i]);
        }
        request.cursor = handles[count - 1].handle;
    }
}

static int revoke(const char *name, const char *grant) {
    struct svc_revoke_request request = {0};
    text_copy(request.name, sizeof(request.name), name);
    text_copy(request.grant, sizeof(request.grant), grant);
    int64_t status = svc_revoke(channel, &request, INSTANT_NEVER);
    if (status < 0) {
        return fail("revoke", grant, status);
    }
    return TOOL_OK;
}

static int refuse(const char *why, const char *word) {
    (void)print_error("capctl", "%s%s; see capctl --help", why, word != NULL ? word : "");
    return TOOL_USAGE;
}

int tool_main(void) {
    const char *word = tool_argument(0);
    uint32_t count = tool_argument_count();
    if (tool_wants_help()) {
        return tool_help(help);
    }
    bool lists = word != NULL && strcmp(word, "list") == 0;
    bool revokes = word != NULL && strcmp(word, "revoke") == 0;
    if (!lists && !revokes) {
        return refuse(word != NULL ? "there is no command " : "a command is missing", word);
    }
    if (lists && count != 2) {
        return refuse("list takes one NAME, PID or process:ID", NULL);
    }
    if (revokes && count != 3) {
        return refuse("revoke takes the NAME of a service and a GRANT", NULL);
    }
    channel = tool_open("capctl", DEVICE, LINUX_O_RDWR);
    if (channel == HANDLE_NONE) {
        return TOOL_FAILED;
    }
    return lists ? list(tool_argument(1)) : revoke(tool_argument(1), tool_argument(2));
}
