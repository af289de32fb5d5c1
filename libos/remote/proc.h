// SPDX-License-Identifier: MIT
//
// What is procd's to do (protocol proc). A process that has no procd is alone: then each of these
// does what can be done without.
#pragma once

#include <core/signal.h>

// A signal to another process, to a group, or one that only procd may give.
[[nodiscard]] int64_t proc_send(struct linux_thread *self, int32_t pid, int32_t tid,
                                const struct signal_info *info);
// A stop signal was taken whose action is to stop. Returns when the process goes on.
void proc_stop_self(int32_t number);
// An id for a new thread; gives it back.
[[nodiscard]] int64_t proc_new_thread_id(void);
void proc_end_thread_id(int32_t tid);
// Of a process, 0: the caller.
[[nodiscard]] int64_t proc_set_limit_of(int32_t pid, uint32_t resource, uint64_t soft,
                                        uint64_t hard);
// Whether there is a process of that id, or a thread of the caller's; 0 is the caller.
bool proc_exists(struct linux_thread *self, int32_t pid);
// Memory that the caller has now, in KiB; 0 when nobody can tell.
int64_t proc_memory_kib(void);
