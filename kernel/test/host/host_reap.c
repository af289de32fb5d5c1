// SPDX-License-Identifier: MIT
//
// The reap list of the host: nothing is destroyed until the test asks for it, as if the grace
// period lasted until then.
#include "host.h"

#include <mm/reap.h>
#include <pthread.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct list reaped = LIST_INIT(reaped);

void reap_object(struct object *object) {
    pthread_mutex_lock(&mutex);
    assert(!list_node_linked(&object->reap_node));
    list_push_back(&reaped, &object->reap_node);
    pthread_mutex_unlock(&mutex);
}

static struct object *take_first(void) {
    pthread_mutex_lock(&mutex);
    struct list_node *node = list_pop_front(&reaped);
    pthread_mutex_unlock(&mutex);
    return node != NULL ? list_entry(node, struct object, reap_node) : NULL;
}

uint64_t host_reap_all(void) {
    uint64_t count = 0;
    struct object *object;
    while ((object = take_first()) != NULL) {
        while (!object_destroy(object)) {
        }
        count++;
    }
    return count;
}

bool reap_work(void) {
    return host_reap_all() != 0;
}
