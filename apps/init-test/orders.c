// SPDX-License-Identifier: MIT
//
// The protocol svc: looking, and orders that are carried out.

#include "support.h"

#include <proto/bank_client.h>
#include <proto/svc_client.h>
#include <sys/calls.h>
#include <sys/string.h>

#define LIMIT SECONDS(5)

TEST(init_lists_services) {
    struct svc_list_request request = {0};
    struct svc_entry entries[3];
    uint32_t found = 0;
    int64_t count;
    while ((count = svc_list(svc_channel(), &request, entries, sizeof(entries), INSTANT_NEVER)) >
           0) {
        for (int64_t i = 0; i < count; i++) {
            found += strcmp(entries[i].name, "bank") == 0 &&
                     entries[i].state == SVC_STATE_RUNNING && entries[i].process != 0;
            found += strcmp(entries[i].name, "run") == 0;
        }
        request.first += (uint32_t)count;
    }
    CHECK_EQ(count, 0);
    CHECK_EQ(found, 2);
    // Without a window there is no room.
    request.first = 0;
    CHECK_EQ(svc_list(svc_channel(), &request, NULL, 0, INSTANT_NEVER), 0);
}

TEST(init_knows_itself) {
    struct svc_status_reply reply = look("init");
    CHECK_EQ(reply.entry.state, SVC_STATE_RUNNING);
    CHECK(reply.instance >= 1 && reply.entry.restarts == reply.instance - 1);
}

TEST(init_refuses_wrong_names) {
    struct svc_status_request request = {"nobody"};
    struct svc_status_reply reply;
    CHECK_EQ(svc_status(svc_channel(), &request, &reply, INSTANT_NEVER), ERR_NOT_FOUND);
    memset(request.name, 'x', sizeof(request.name));
    CHECK_EQ(svc_status(svc_channel(), &request, &reply, INSTANT_NEVER), ERR_NOT_FOUND);
    struct svc_start_request start = {""};
    CHECK_EQ(svc_start(svc_channel(), &start, INSTANT_NEVER), ERR_NOT_FOUND);
    struct svc_stop_request stop = {"run"};
    CHECK_EQ(svc_stop(svc_channel(), &stop, INSTANT_NEVER), ERR_BAD_STATE);
    struct svc_start_request refused = {"test-cycle"};
    CHECK_EQ(svc_start(svc_channel(), &refused, INSTANT_NEVER), ERR_BAD_STATE);
    CHECK_EQ(look("test-cycle").entry.state, SVC_STATE_REFUSED);
}

TEST(init_kills_the_named_instance_only) {
    struct svc_status_reply before = look("bank");
    struct svc_kill_request request = {"bank", before.instance + 1};
    CHECK_EQ(svc_kill(svc_channel(), &request, INSTANT_NEVER), ERR_INVALID_ARGUMENT);
    request.instance = before.instance;
    CHECK_EQ(svc_kill(svc_channel(), &request, INSTANT_NEVER), OK);
    CHECK(wait_for_state("bank", SVC_STATE_RUNNING, before.instance, LIMIT));
    // Again: it is dead already.
    CHECK_EQ(svc_kill(svc_channel(), &request, INSTANT_NEVER), OK);
    struct svc_status_reply after = look("bank");
    CHECK_EQ(after.instance, before.instance + 1);
    CHECK_EQ(after.kills, before.kills + 1);
    CHECK_EQ(after.crashes, before.crashes);
    CHECK_EQ(after.last_cause, EXIT_KILLED);
}

TEST(init_restarts_on_request) {
    struct svc_status_reply before = look("bank");
    struct svc_restart_request request = {"bank", before.instance};
    CHECK_EQ(svc_restart(svc_channel(), &request, INSTANT_NEVER), OK);
    CHECK(wait_for_state("bank", SVC_STATE_RUNNING, before.instance, LIMIT));
}

static int64_t total(handle_t channel, struct bank_total_reply *reply) {
    return bank_total(channel, reply, INSTANT_NEVER);
}

// Opens a channel of this program anew.
static handle_t open_channel(const char *name) {
    struct svc_open_request request = {0};
    handle_t handle[1] = {HANDLE_NONE};
    text_copy(request.channel, sizeof(request.channel), name);
    int64_t status = svc_open(svc_channel(), &request, handle, INSTANT_NEVER);
    return status == OK ? handle[0] : HANDLE_NONE;
}

TEST(init_stops_and_starts) {
    struct bank_total_reply reply;
    handle_t channel = open_channel("test-spare");
    REQUIRE(channel != HANDLE_NONE);
    CHECK_EQ(total(channel, &reply), OK);
    struct svc_stop_request stop = {"test-spare"};
    CHECK_EQ(svc_stop(svc_channel(), &stop, INSTANT_NEVER), OK);
    CHECK_EQ(total(channel, &reply), ERR_PEER_CLOSED);
    CHECK_EQ(look("test-spare").entry.state, SVC_STATE_STOPPED);
    CHECK(open_channel("test-spare") == HANDLE_NONE);
    CHECK_EQ(svc_stop(svc_channel(), &stop, INSTANT_NEVER), OK);
    struct svc_start_request start = {"test-spare"};
    CHECK_EQ(svc_start(svc_channel(), &start, INSTANT_NEVER), OK);
    CHECK_EQ(svc_start(svc_channel(), &start, INSTANT_NEVER), OK);
    CHECK(wait_for_state("test-spare", SVC_STATE_RUNNING, 0, LIMIT));
    CHECK_EQ(total(channel, &reply), ERR_PEER_CLOSED);
    handle_t again = open_channel("test-spare");
    REQUIRE(again != HANDLE_NONE);
    CHECK_EQ(total(again, &reply), OK);
    CHECK_EQ(sys_handle_close(channel), OK);
    CHECK_EQ(sys_handle_close(again), OK);
}

TEST(init_opens_only_what_is_granted) {
    struct svc_open_request request = {"queue"};
    handle_t handle[1];
    CHECK_EQ(svc_open(svc_channel(), &request, handle, INSTANT_NEVER), ERR_ACCESS_DENIED);
    struct svc_open_request unknown = {"nothing"};
    CHECK_EQ(svc_open(svc_channel(), &unknown, handle, INSTANT_NEVER), ERR_ACCESS_DENIED);
}

TEST(init_lists_handles) {
    struct svc_handles_request request = {.name = "bank"};
    struct svc_handle handles[4];
    uint32_t ports = 0;
    int64_t count;
    while ((count = svc_handles(svc_channel(), &request, handles, sizeof(handles), INSTANT_NEVER)) >
           0) {
        for (int64_t i = 0; i < count; i++) {
            ports += handles[i].type == OBJECT_PORT;
        }
        request.cursor = handles[count - 1].handle;
    }
    CHECK_EQ(count, 0);
    CHECK_EQ(ports, 1);
    // The same by its number, and one that is no process.
    struct svc_handles_request by_id = {.process = look("bank").entry.process};
    CHECK(svc_handles(svc_channel(), &by_id, handles, sizeof(handles), INSTANT_NEVER) > 0);
    by_id.process = thread_block()->thread;
    CHECK_EQ(svc_handles(svc_channel(), &by_id, handles, sizeof(handles), INSTANT_NEVER),
             ERR_NOT_FOUND);
}

TEST(init_revokes_a_grant_from_one) {
    // test-user holds a channel of the bank; taking it away leaves ours alone.
    struct svc_revoke_request request = {"test-user", "money"};
    CHECK_EQ(svc_revoke(svc_channel(), &request, INSTANT_NEVER), OK);
    CHECK_EQ(svc_revoke(svc_channel(), &request, INSTANT_NEVER), OK);
    struct svc_revoke_request unknown = {"test-user", "bank"};
    CHECK_EQ(svc_revoke(svc_channel(), &unknown, INSTANT_NEVER), ERR_NOT_FOUND);
    struct bank_total_reply reply;
    CHECK_EQ(total(bank_channel(), &reply), OK);
    struct svc_handles_request handles = {.name = "test-user"};
    struct svc_handle list[32];
    int64_t count = svc_handles(svc_channel(), &handles, list, sizeof(list), INSTANT_NEVER);
    REQUIRE(count > 0);
    for (int64_t i = 0; i < count; i++) {
        CHECK(list[i].type != OBJECT_CHANNEL);
    }
}
