// SPDX-License-Identifier: MIT
//
// What host and guest say to each other over a serial line when the host runs programs in the
// guest: `prunella exec` (tools/prunella/frames.py) and servers/execd. The line is a byte stream
// that loses nothing but what a fault spoils; frames cut it up, number it and check it.
//
//   Data frames carry the offset of their first byte in their stream, counted from 0 in each run. A
//   receiver drops the bytes that it has already: so a sender that does not know whether it has
//   sent something sends it again.
//   Control frames of the host carry numbers from 1 in `offset`, counted over all runs. The guest
//   does each once.
//   Credit: nobody sends bytes of a stream past the offset that the last WINDOW frame of the other
//   side named; it is 0 at the beginning of each run. ARGUMENTS needs none.
//
// All numbers are little-endian. `check` is the CRC-32C (with inversions) of header and payload,
// with `check` itself as 0.
#pragma once

#include <abi/types.h>

#define EXEC_FRAME_MAGIC 0x31465850u // "PXF1"
#define EXEC_FRAME_VERSION 1
#define EXEC_PAYLOAD_MAX 4096
// Arguments, environment and working directory of a program, together.
#define EXEC_ARGUMENTS_MAX 131072

enum exec_frame_type {
    EXEC_HELLO = 1,     // guest: struct exec_hello; before it nothing may be sent
    EXEC_START = 2,     // host, control: struct exec_start
    EXEC_DATA = 3,      // bytes of a stream
    EXEC_EOF = 4,       // host: standard input ends at `offset`
    EXEC_WINDOW = 5,    // bytes of the stream may be sent up to `offset`
    EXEC_SIGNAL = 6,    // host, control: uint32_t, number of a signal for the program
    EXEC_CLOSE = 7,     // host, control: nobody reads the output `stream` any more
    EXEC_EXIT = 8,      // guest: struct exec_exit; after all output
    EXEC_POWER_OFF = 9, // host, control: end the machine
};

enum exec_stream {
    EXEC_STDIN = 0,
    EXEC_STDOUT = 1,
    EXEC_STDERR = 2,
    EXEC_ARGUMENTS = 3, // zero-terminated strings: arguments, environment, working directory
};

struct exec_frame {
    uint32_t magic;
    uint8_t type;   // enum exec_frame_type
    uint8_t stream; // enum exec_stream
    uint16_t run;   // which run of a program, from 1
    uint32_t bytes; // of payload, at most EXEC_PAYLOAD_MAX
    uint32_t check;
    uint64_t offset;
};
static_assert(sizeof(struct exec_frame) == 24, "struct exec_frame is ABI");

struct exec_hello {
    uint32_t version;
    uint32_t payload_max;
};

#define EXEC_TRACE 1u // print the program's Linux calls to the log

struct exec_start {
    uint32_t argument_count;
    uint32_t environment_count;
    uint32_t bytes; // that the ARGUMENTS stream has in all
    uint32_t flags; // EXEC_TRACE
};

struct exec_exit {
    int64_t status; // of wait(2)
    int32_t error;  // 0, or the native status because of which there was no program to wait for
    uint32_t reserved;
};
static_assert(sizeof(struct exec_exit) == 16, "struct exec_exit is ABI");
