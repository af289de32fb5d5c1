// SPDX-License-Identifier: MIT

#include <remote/proc.h>

#include <core/process.h>
#include <core/status.h>
#include <core/threads.h>
#include <proto/proc_client.h>
#include <sys/calls.h>

int64_t proc_send(struct linux_thread *self, int32_t pid, int32_t tid,
                  const struct signal_info *info) {
    struct linux_process *process = process_current();
    if (process->alone) {
        bool own = pid == identity_current()->pid || pid == 0 || pid == -identity_current()->pgid;
        if (!own || info->number == SIGCONT || info->number == 0) {
            return own ? 0 : -LINUX_ESRCH;
        }
        return signal_send(self, NULL, info);
    }
    const struct proc_kill_request request = {
        .pid = pid,
        .tid = tid,
        .number = info->number,
        .code = info->code,
        .value = info->sent.value,
    };
    return linux_result(proc_kill(process->proc, &request, INSTANT_NEVER));
}

void proc_stop_self(int32_t number) {
    struct linux_process *process = process_current();
    if (process->alone) {
        return; // nobody could make it go on
    }
    // A fresh page has 0, which would say that it is not told. procd's count goes on from 1.
    uint32_t continues = 0;
    bool fresh = __atomic_compare_exchange_n(&signal_page_current()->continues, &continues, 1,
                                             false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    const struct proc_stopped_request request = {
        .number = number,
        .continues = fresh ? 1 : continues,
    };
    (void)!proc_stopped(process->proc, &request, INSTANT_NEVER);
}

int64_t proc_new_thread_id(void) {
    struct linux_process *process = process_current();
    if (process->alone) {
        return __atomic_add_fetch(&process->last_tid, 1, __ATOMIC_RELAXED) + 1;
    }
    struct proc_new_tid_reply reply;
    int64_t result = proc_new_tid(process->proc, &reply, INSTANT_NEVER);
    return result == ERR_LIMIT ? -LINUX_EAGAIN : result < 0 ? linux_result(result) : reply.tid;
}

void proc_end_thread_id(int32_t tid) {
    struct linux_process *process = process_current();
    const struct proc_end_tid_request request = {.tid = tid};
    if (!process->alone) {
        (void)!proc_end_tid(process->proc, &request, INSTANT_NEVER);
    }
}

int64_t proc_set_limit_of(int32_t pid, uint32_t resource, uint64_t soft, uint64_t hard) {
    struct linux_process *process = process_current();
    if (process->alone) {
        struct identity_page *page = (struct identity_page *)LIBOS_IDENTITY;
        page->limits[resource][0] = soft;
        page->limits[resource][1] = hard;
        return 0;
    }
    const struct proc_set_limit_request request = {
        .pid = pid,
        .resource = resource,
        .soft = soft,
        .hard = hard,
    };
    return linux_result(proc_set_limit(process->proc, &request, INSTANT_NEVER));
}

bool proc_exists(struct linux_thread *self, int32_t pid) {
    const struct linux_process *process = process_current();
    const struct proc_get_id_request request = {.pid = pid, .kind = PROC_ID_PGID};
    struct proc_get_id_reply reply;
    if (pid == 0 || pid == self->tid || pid == identity_current()->pid) {
        return true;
    }
    struct threads *threads = &process_current()->threads;
    mutex_lock(&threads->lock);
    bool own = thread_find(pid) != NULL;
    mutex_unlock(&threads->lock);
    return own ||
           (!process->alone && proc_get_id(process->proc, &request, &reply, INSTANT_NEVER) == OK);
}

int64_t proc_memory_kib(void) {
    const struct linux_process *process = process_current();
    const struct proc_list_request request = {.after = identity_current()->pid - 1};
    struct proc_list_reply reply;
    if (process->alone || proc_list(process->proc, &request, &reply, INSTANT_NEVER) != OK) {
        return 0;
    }
    return (int64_t)(reply.memory_pages * (PAGE_SIZE / 1024));
}
