// SPDX-License-Identifier: MIT
//
// Signals within one process.
//
// Pending signals stand in the signal page (abi/libos.h): bits, process-wide and by thread, and
// slots with what a siginfo says. procd appends there, and so do threads of the process itself; the
// libos takes. A thread looks when something is latched in its block: always before it sleeps in an
// interruptible call, and before it goes back to the program. So handlers are entered only from
// exit_work and upcall_handle (core/exit.c), with an empty libos stack.
#pragma once

#include <abi/block.h>
#include <abi/libos.h>
#include <stdbool.h>
#include <sys/mutex.h>

struct linux_thread;

enum signal_number {
    SIGHUP = 1,
    SIGINT = 2,
    SIGQUIT = 3,
    SIGILL = 4,
    SIGTRAP = 5,
    SIGABRT = 6,
    SIGBUS = 7,
    SIGFPE = 8,
    SIGKILL = 9,
    SIGSEGV = 11,
    SIGPIPE = 13,
    SIGALRM = 14,
    SIGTERM = 15,
    SIGCHLD = 17,
    SIGCONT = 18,
    SIGSTOP = 19,
    SIGTSTP = 20,
    SIGTTIN = 21,
    SIGTTOU = 22,
    SIGURG = 23,
    SIGXCPU = 24,
    SIGXFSZ = 25,
    SIGVTALRM = 26,
    SIGPROF = 27,
    SIGWINCH = 28,
    SIGSYS = 31,
    SIGNAL_REALTIME = 32, // from here on several of one number queue
};

#define SIGNAL_DEFAULT 0UL
#define SIGNAL_IGNORE 1UL

// struct sigaction as the call passes it.
struct signal_action {
    uint64_t handler;
    uint64_t flags;
    uint64_t restorer;
    uint64_t mask;
};

enum signal_action_flag {
    SA_NOCLDSTOP = 0x1,
    SA_NOCLDWAIT = 0x2,
    SA_SIGINFO = 0x4,
    SA_RESTORER = 0x04000000,
    SA_ONSTACK = 0x08000000,
    SA_RESTART = 0x10000000,
    SA_NODEFER = 0x40000000,
};
#define SA_RESETHAND 0x80000000UL

struct signal_actions {
    struct mutex lock;
    // Guarded by lock:
    uint64_t ignored, caught;              // as published
    struct signal_action of[SIGNAL_COUNT]; // signal n at n - 1
};

enum signal_code {
    SI_USER = 0,
    SI_KERNEL = 128,
    SI_QUEUE = -1,
    SI_TIMER = -2, // in sent.pid its id
    SI_TKILL = -6,
};

// siginfo_t of x86_64.
struct signal_info {
    int32_t number, error, code, pad;
    union {
        struct {
            int32_t pid;
            uint32_t uid;
            uint64_t value; // sigval
        } sent;
        struct {
            int32_t pid;
            uint32_t uid;
            int32_t status;
            uint32_t pad2;
            int64_t user_time, system_time;
        } child;
        struct {
            uint64_t addr;
        } fault;
        uint8_t bytes[112];
    };
};
static_assert(sizeof(struct signal_info) == 128, "siginfo_t has 128 bytes");

static inline uint64_t signal_bit(int32_t number) {
    return 1UL << (number - 1);
}
#define SIGNALS_UNBLOCKABLE ((1UL << (SIGKILL - 1)) | (1UL << (SIGSTOP - 1)))

// Bit of block->latched that the libos itself sets: look before going back to the program.
#define LATCH_WORK 0x80000000u

// Makes the calling thread look at its signals before it goes back to the program.
void signal_look(struct linux_thread *self);
// Publishes which signals the process ignores and catches. actions.lock held.
void signal_publish(void);
// The same in the child of a fork, whose actions are its maker's and whose page is fresh.
void signal_publish_again(void);
// The same for the action of one signal, which has changed.
void signal_publish_one(int32_t number);
// Sets the thread's mask and looks, if something became deliverable.
void signal_set_mask(struct linux_thread *self, uint64_t mask);
// For calls that wait with another mask: it is put back when the call has ended, after a handler
// has been entered.
void signal_set_mask_for_call(struct linux_thread *self, uint64_t mask);

// The end of such a call: without a signal the mask is put back at once.
void signal_call_ends(struct linux_thread *self, int64_t result);

// Appends a signal for a thread of this process (null: for the process) and makes somebody look.
// EAGAIN when the queue is full and the signal is a real-time one.
[[nodiscard]] int64_t signal_send(struct linux_thread *self, struct linux_thread *target,
                                  const struct signal_info *info);
// SIGPIPE, SIGXFSZ and the like, to the calling thread.
void signal_raise(struct linux_thread *self, int32_t number);
// A thread that ends: what was pending for the process goes to the others.
void signal_pass_all(struct linux_thread *self);
// Takes the first pending signal of a set, if there is one.
bool signal_take(struct linux_thread *self, uint64_t wanted, struct signal_info *info);
// Whether a signal waits whose action is not to ignore it. Ignored ones are dropped.
bool signal_deliverable(struct linux_thread *self);
// After a native call that answered ERR_INTERRUPTED: whether the Linux call has to end. If not, it
// waits again.
bool signal_interrupts(struct linux_thread *self);

// Delivers what is pending into the registers of the program. Returns whether a handler was set
// up. Default actions that end or stop the process happen here. `restart` is the result of the
// call that was just served, 0 when there was none or it was not one of LINUX_ERESTART; then the
// registers say that the call is made again, or that it ended with EINTR.
bool signal_deliver(struct linux_thread *self, struct registers *registers, int64_t restart);
// A fault of the program: cannot be blocked or ignored.
void signal_force(struct linux_thread *self, struct registers *registers,
                  const struct signal_info *info, const struct thread_block *upcall);

// core/frame.c. Sets up a handler; false when the stack is not there.
struct signal_frame_options {
    const struct signal_info *info;
    const struct signal_action *action;
    uint64_t mask;                     // what sigreturn puts back
    const struct thread_block *upcall; // of an exception: error code, trap, address; or null
};
[[nodiscard]] bool frame_push(struct linux_thread *self, struct registers *registers,
                              const struct signal_frame_options *options);
// Reads the frame of rt_sigreturn; false when it is not there.
[[nodiscard]] bool frame_pop(struct linux_thread *self, struct registers *registers);
// Size of a frame at most (AT_MINSIGSTKSZ).
uint64_t frame_bytes(void);
void frame_start(void);

// core/exit.c. Goes on in the program with these registers, signals first.
_Noreturn void program_resume(struct linux_thread *self, struct registers *registers);
// All registers of the program during a call.
void registers_of_call(struct linux_thread *self, struct registers *registers);
