// SPDX-License-Identifier: MIT
//
// What procd, ttyd and the libos agree on about terminals: procd's table of processes, and Linux's
// numbers for the settings of a terminal.
#pragma once

#include <abi/types.h>

// ---- The table of processes: written by procd, read-only to ttyd. The words of an entry change
// one by one; whoever asks about its own entry asks after procd has answered the call that changed
// it.

#define PROCESS_TABLE_MAX 1024

struct process_entry {
    uint64_t process; // id of the kernel; 0: no live process
    int32_t pid, pgid, sid;
    uint32_t user; // low half of the cookie of its threads
};
static_assert(sizeof(struct process_entry) == 24, "struct process_entry is ABI");

struct process_table {
    uint32_t top; // entries from here on are free
    uint32_t spare;
    struct process_entry entries[PROCESS_TABLE_MAX];
};

// ---- Device numbers, as in st_rdev.

#define DEVICE_NUMBER(major, minor) ((uint64_t)(major) << 8 | (minor))
#define DEVICE_CONTROLLING DEVICE_NUMBER(5, 0)
#define DEVICE_CONSOLE DEVICE_NUMBER(5, 1)
#define DEVICE_NEW_PAIR DEVICE_NUMBER(5, 2)
#define DEVICE_SERIAL DEVICE_NUMBER(4, 64)
#define DEVICE_PAIR(n) DEVICE_NUMBER(136, n)

// ---- struct termios of Linux.

enum terminal_iflag {
    IFLAG_PARMRK = 010,
    IFLAG_ISTRIP = 040,
    IFLAG_INLCR = 0100,
    IFLAG_IGNCR = 0200,
    IFLAG_ICRNL = 0400,
    IFLAG_IUCLC = 01000,
    IFLAG_IXON = 02000,
    IFLAG_IXANY = 04000,
    IFLAG_IXOFF = 010000,
    IFLAG_IMAXBEL = 020000,
    IFLAG_IUTF8 = 040000,
};
enum terminal_oflag {
    OFLAG_OPOST = 01,
    OFLAG_OLCUC = 02,
    OFLAG_ONLCR = 04,
    OFLAG_OCRNL = 010,
    OFLAG_ONOCR = 020,
    OFLAG_ONLRET = 040,
    OFLAG_XTABS = 014000,
};
enum terminal_cflag {
    CFLAG_B38400 = 017,
    CFLAG_CS8 = 060,
    CFLAG_CREAD = 0200,
    CFLAG_HUPCL = 02000
};
enum terminal_lflag {
    LFLAG_ISIG = 01,
    LFLAG_ICANON = 02,
    LFLAG_ECHO = 010,
    LFLAG_ECHOE = 020,
    LFLAG_ECHOK = 040,
    LFLAG_ECHONL = 0100,
    LFLAG_NOFLSH = 0200,
    LFLAG_TOSTOP = 0400,
    LFLAG_ECHOCTL = 01000,
    LFLAG_ECHOPRT = 02000,
    LFLAG_ECHOKE = 04000,
    LFLAG_IEXTEN = 0100000,
    LFLAG_EXTPROC = 0200000,
};
enum terminal_cc {
    CC_INTR,
    CC_QUIT,
    CC_ERASE,
    CC_KILL,
    CC_EOF,
    CC_TIME,
    CC_MIN,
    CC_SWITCH,
    CC_START,
    CC_STOP,
    CC_SUSP,
    CC_EOL,
    CC_REPRINT,
    CC_DISCARD,
    CC_WERASE,
    CC_LNEXT,
    CC_EOL2,
};
