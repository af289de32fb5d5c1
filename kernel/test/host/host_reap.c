// SPDX-License-Identifier: MIT
//
// The reap list of the host: nothing is destroyed until the test asks for it, as if the grace
// period lasted until then.
#include "host.h"

#include <mm/reap.h>
#include <pthread.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct list reaped = LIST_INIT(reaped);

void reap_add(struct reap_item *item, bool (*release)(struct reap_item *item)) {
    pthread_mutex_lock(&mutex);
    assert(!list_node_linked(&item->node));
    item->release = release;
    list_push_back(&reaped, &item->node);
    pthread_mutex_unlock(&mutex);
}

static struct reap_item *take_first(void) {
    pthread_mutex_lock(&mutex);
    struct list_node *node = list_pop_front(&reaped);
    pthread_mutex_unlock(&mutex);
    return node != NULL ? list_entry(node, struct reap_item, node) : NULL;
}

uint64_t host_reap_all(void) {
    uint64_t count = 0;
    struct reap_item *item;
    while ((item = take_first()) != NULL) {
        while (!item->release(item)) {
        }
        count++;
    }
    return count;
}

bool reap_work(void) {
    return host_reap_all() != 0;
}
