// SPDX-License-Identifier: MIT
//
// Signals to Linux processes: by the signal page and an interruption, or by the kernel.
#pragma once

#include "state.h"

// Numbers of Linux that procd acts on itself.
enum linux_signal {
    LINUX_SIGHUP = 1,
    LINUX_SIGKILL = 9,
    LINUX_SIGSEGV = 11,
    LINUX_SIGCHLD = 17,
    LINUX_SIGCONT = 18,
    LINUX_SIGSTOP = 19,
    LINUX_SIGTSTP = 20,
    LINUX_SIGTTIN = 21,
    LINUX_SIGTTOU = 22,
    LINUX_SIGRTMIN = 32,
};

#define SIGNAL_BIT(number) (UINT64_C(1) << ((number)-1))
#define STOP_SIGNALS                                                                               \
    (SIGNAL_BIT(LINUX_SIGSTOP) | SIGNAL_BIT(LINUX_SIGTSTP) | SIGNAL_BIT(LINUX_SIGTTIN) |           \
     SIGNAL_BIT(LINUX_SIGTTOU))

// si_code of SIGCHLD.
enum child_code {
    CHILD_EXITED = 1,
    CHILD_KILLED = 2,
    CHILD_DUMPED = 3,
    CHILD_STOPPED = 5,
    CHILD_CONTINUED = 6,
};
#define CODE_KERNEL 0x80 // si_code: the system itself

struct signal {
    int32_t number;
    int32_t code;
    int32_t pid; // of the sender
    uint32_t uid;
    int32_t tid; // to this thread alone, 0: to the process
    uint64_t value;
    // By these a retry is known: what was put into the page once is not put there again.
    uint64_t thread, call_number;
};

// Sends a signal to a live process, within a step. KILL, STOP and CONT take effect by kernel calls,
// whatever the page says. Returns OK also when the process ignores it; ERR_LIMIT: the page has no
// room for another real-time signal; ERR_NO_PROCESS: no such thread.
[[nodiscard]] status_t signal_send(struct procd *procd, const struct process *process,
                                   const struct signal *signal);

// The process stops, by a signal: suspends it and makes it news for its parent.
void process_stop(struct procd *procd, const struct process *process, int32_t number);
// Whether no member of a group has a parent in another group of the same session: then nobody would
// continue what its terminal stops. `dying` counts for nothing; null: all count.
bool group_orphaned(const struct procd *procd, int32_t pgid, const struct process *dying);

// Operations.
int64_t proc_do_kill(void *server, const struct packet *packet,
                     const struct proc_kill_request *request);
int64_t proc_do_stopped(void *server, const struct packet *packet,
                        const struct proc_stopped_request *request);
