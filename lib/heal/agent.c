// SPDX-License-Identifier: MIT

#include <heal/agent.h>

#include <abi/libos.h>
#include <abi/status.h>
#include <ds/format.h>
#include <proto/proc_client.h>
#include <sys/start.h>
#include <sys/string.h>

#define TEXT_BYTES 256

int64_t agent_start(handle_t proc, const char *const *words, uint32_t count) {
    static const char rest[] = "/agent\0/";
    char text[TEXT_BYTES];
    size_t bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        size_t room = sizeof(text) - sizeof(rest) - bytes;
        if (strlen(words[i]) >= room) {
            return ERR_LIMIT;
        }
        bytes += (size_t)text_format(text + bytes, room, "%s", words[i]) + 1;
    }
    memcpy(text + bytes, rest, sizeof(rest));
    const struct proc_spawn_request request = {.argc = count, .path_bytes = 6};
    struct proc_spawn_reply reply;
    handle_t log = start_handle("log");
    const handle_t files[3] = {log, log, log};
    int64_t result =
        proc_spawn(proc, &request, text, bytes + sizeof(rest), files, &reply, INSTANT_NEVER);
    return result == OK ? reply.pid : result;
}

static int64_t wait_end(handle_t proc, int32_t pid, uint32_t options) {
    const struct proc_wait_request request = {
        .who = PROC_WHO_PID,
        .id = pid,
        .options = PROC_WAIT_EXITED | options,
    };
    struct proc_wait_reply reply;
    int64_t result = proc_wait(proc, &request, &reply, INSTANT_NEVER);
    return result == OK ? reply.status : result;
}

int64_t agent_end(handle_t proc, int32_t pid) {
    return wait_end(proc, pid, 0);
}

int64_t agent_zombie(handle_t proc) {
    const char *const words[] = {"agent"};
    int64_t pid = agent_start(proc, words, 1);
    int64_t status = pid < 0 ? pid : wait_end(proc, (int32_t)pid, PROC_WAIT_NO_REAP);
    return status < 0 ? status : pid;
}
