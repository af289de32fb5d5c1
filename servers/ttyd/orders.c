// SPDX-License-Identifier: MIT
//
// Signals for Linux processes: orders in the vault, which a thread of its own gives to procd, one
// after another, since the loop must not wait. An order stands in the vault until procd has
// answered. A successor gives it again, and procd knows by the id that it has done it.

#include "ttyd.h"

#include <proto/proc_client.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/start.h>

enum sender_word { SENDER_IDLE, SENDER_WORK, SENDER_DONE };

static void sender_main(void *argument) {
    struct sender *sender = argument;
    for (;;) {
        uint32_t word = __atomic_load_n(&sender->word, __ATOMIC_ACQUIRE);
        if (word != SENDER_WORK) {
            // A value that has changed, or a wake too many: look again.
            (void)!sys_futex_wait((vaddr_t)&sender->word, word, UINT32_MAX, INSTANT_NEVER, 0);
            continue;
        }
        const struct proc_terminal_signal_request request = {
            .id = sender->id,
            .target = sender->target,
            .number = sender->number,
        };
        int64_t result = proc_terminal_signal(sender->channel, &request, INSTANT_NEVER);
        if (result < 0) {
            log_printf("ttyd: signal %d to %d is lost: status %ld", sender->number, sender->target,
                       result);
        }
        __atomic_store_n(&sender->word, SENDER_DONE, __ATOMIC_RELEASE);
        (void)sys_event_signal(sender->event, 0, WAKE);
    }
}

status_t orders_start(struct ttyd *ttyd) {
    struct sender *sender = &ttyd->sender;
    sender->channel = start_handle("proc");
    if (sender->channel == HANDLE_NONE) {
        return OK;
    }
    int64_t event = sys_event_create();
    if (event < 0) {
        return (status_t)event;
    }
    sender->event = (handle_t)event;
    status_t status = sys_object_bind(sender->event, ttyd->server.port, KEY_SENT, WAKE);
    return status == OK ? thread_run(&sender->thread, sender_main, sender) : status;
}

static const struct order_record *order_at(struct ttyd *ttyd, uint32_t index) {
    return vault_record(&ttyd->server.vault, TABLE_ORDERS, index);
}

uint32_t orders_room(struct ttyd *ttyd) {
    uint32_t room = 0;
    for (uint32_t i = 0; i < ORDERS_MAX; i++) {
        room += order_at(ttyd, i)->head.used == 0;
    }
    return room;
}

void order_add(struct ttyd *ttyd, int32_t target, int32_t number) {
    int32_t index = vault_find_free(&ttyd->server.vault, TABLE_ORDERS);
    if (index < 0 || ttyd->sender.channel == HANDLE_NONE || target == 0) {
        return; // nobody to tell, or (a damaged vault) no room after all
    }
    const struct order_record *order = order_at(ttyd, (uint32_t)index);
    const struct state_record *state = state_of(ttyd);
    ttyd_set(ttyd, order, head.used, 1);
    ttyd_set(ttyd, order, id, state->order_next);
    ttyd_set(ttyd, order, target, target);
    ttyd_set(ttyd, order, number, number);
    ttyd_set(ttyd, state, order_next, state->order_next + 1);
}

static const struct order_record *oldest(struct ttyd *ttyd) {
    const struct order_record *found = NULL;
    for (uint32_t i = 0; i < ORDERS_MAX; i++) {
        const struct order_record *order = order_at(ttyd, i);
        if (order->head.used != 0 && (found == NULL || order->id < found->id)) {
            found = order;
        }
    }
    return found;
}

void order_sent(struct ttyd *ttyd) {
    struct sender *sender = &ttyd->sender;
    if (__atomic_load_n(&sender->word, __ATOMIC_ACQUIRE) != SENDER_DONE) {
        return;
    }
    const struct order_record *order = oldest(ttyd);
    if (order != NULL && order->id == sender->id) {
        ttyd_set(ttyd, order, head.used, 0);
    }
    __atomic_store_n(&sender->word, SENDER_IDLE, __ATOMIC_RELAXED);
    server_wake(&ttyd->server, CONDITION_ORDERS);
}

void orders_kick(struct ttyd *ttyd) {
    struct sender *sender = &ttyd->sender;
    if (__atomic_load_n(&sender->word, __ATOMIC_ACQUIRE) != SENDER_IDLE ||
        sender->channel == HANDLE_NONE) {
        return;
    }
    const struct order_record *order = oldest(ttyd);
    if (order == NULL) {
        return;
    }
    sender->id = order->id;
    sender->target = order->target;
    sender->number = order->number;
    __atomic_store_n(&sender->word, SENDER_WORK, __ATOMIC_RELEASE);
    (void)sys_futex_wake((vaddr_t)&sender->word, 1, UINT32_MAX, 0);
}
