# SPDX-License-Identifier: MIT
"""Where the instructions of a benchmark row go on Prunella, by function and by way into the kernel.

The row is repeated for ever (`linux-bench --loop ROW`), and QEMU writes down the address of each
instruction for as long as WINDOW_BYTES of its log last. Every program of the system lies at an
address of its own (lib/sys/user.ld), so an address tells whose code it is: no state of the guest is
looked at, and nothing in it knows. A row is as long as from one mark of the loop to the next.
"""

import bisect
import contextlib
import os
import re
import subprocess
import tempfile
import time
from collections import Counter
from dataclasses import dataclass

from prunella import closed, paths, sidebyside
from prunella.errors import Failure
from prunella.progress import heartbeat

WINDOW_BYTES = 150 << 20
# Enough for counts, but for the longest rows.
SHORT_WINDOW_BYTES = 16 << 20
SHOWN = 40
SETTLE_S = 0.5
_POLL_S = 0.1
# bench/main.c calls it before each round of a loop; what lies between the others is not measured.
MARK, STOP, GO = "loop_mark", "clock_stop", "clock_go"
# What each way into the kernel begins with, and the system call for a message to a server.
ENTRIES, SERVER_CALL = ("syscall_entry", "trap"), "fastpath_call"
# Functions of the kernel that tell which way it was entered, and the prefix of native calls.
WAYS, CALL_PREFIX = ("redirect", "trap_user"), "checked_"
KERNEL_START = 1 << 63
FAST = {"fastpath_call": "channel_call", "fastpath_reply_wait": "port_reply_wait"}
STAYS_SHOWN = 20
_LINE = re.compile(rb"^Trace \d+: \S+ \[[0-9a-f]+/([0-9a-f]+)/", re.MULTILINE)
_SWITCH = re.compile(r"^\s*([0-9a-f]+):\s.*\bmov\s+%\w+,%cr3", re.MULTILINE)


@dataclass(frozen=True)
class Line:
    function: str
    image: str      # the program that it belongs to
    share: float
    instructions: float     # per operation
    calls: float            # per operation


@dataclass(frozen=True)
class Stay:
    """What one way into the kernel costs, until other code runs, whoever's that is."""

    image: str      # the program that enters
    way: str        # a native call; `redirect`: a Linux call goes to the libos; `trap`: a fault
    instructions: float     # per operation
    times: float            # per operation


@dataclass(frozen=True)
class Profile:
    operations: int
    instructions: float     # per operation, as all that follow
    entries: float          # into the kernel: system calls, faults, interrupts
    server_calls: float
    switches: float         # of the address space
    lines: list
    stays: list


class _Symbols:
    """Functions by address, of all images."""

    def __init__(self, images):
        found = []
        for path in images:
            listing = subprocess.run(["nm", "-n", "--defined-only", path], check=True,
                                     capture_output=True, text=True).stdout
            for line in listing.splitlines():
                address, kind, name = line.split()
                if kind in "tTwW":
                    found.append((int(address, 16), name, path.name))
        found.sort()
        self._starts = [start for start, _, _ in found]
        self._found = found
        # The kernel's come last, and its names are asked for.
        self.by_name = {name: start for start, name, _ in found}

    def at(self, address):
        """(start, name, image) of the function that an address lies in."""
        index = bisect.bisect_right(self._starts, address) - 1
        return self._found[index] if index >= 0 else (0, "?", "?")


def _images():
    release = paths.build_folder(sidebyside.release_folder())
    programs = [path for path in sorted((release / "bin").iterdir())
                if path.is_file() and path.name != "agent"]
    return [paths.kernel(sidebyside.release_folder()), *programs, sidebyside.program()]


def _switch_addresses():
    """Where the kernel loads another root of page tables."""
    listing = subprocess.run(["objdump", "-d", paths.kernel(sidebyside.release_folder())],
                             check=True, capture_output=True, text=True).stdout
    return [int(address, 16) for address in _SWITCH.findall(listing)]


def _wait_for(condition, process, timeout, what):
    end = time.monotonic() + timeout
    while not condition():
        if process.poll() is not None:
            raise Failure(f"the guest ended before {what}")
        if time.monotonic() > end:
            raise Failure(f"{what} did not come in {timeout:g} s", "give a longer --timeout")
        time.sleep(_POLL_S)


class _TooLong(Failure):
    """No whole operation was recorded."""


def _record(row, timeout, window):
    """Runs the loop; returns QEMU's log of it, and the operations of a round."""
    with tempfile.TemporaryDirectory(prefix="prunella-profile-") as folder, \
            heartbeat(f"bench: profile of {row}"):
        machine = sidebyside.prunella_machine(folder, ["--loop", row], icount=True)
        log, machine.line = os.path.join(folder, "trace"), os.path.join(folder, "line")
        machine.console, machine.log = "watched", paths.log_folder() / "profile.log"
        machine.append = [*closed.WORDS, *machine.append]
        machine.extra = ["-D", log]
        with subprocess.Popen(machine.command(), stdin=subprocess.PIPE,
                              stdout=subprocess.DEVNULL) as process:
            try:
                _wait_for(lambda: _loops(machine.line), process, timeout,
                          "the beginning of the loop")
                time.sleep(SETTLE_S)
                _order(process, "singlestep on", "log exec,nochain")
                _wait_for(lambda: _size(log) >= window, process, timeout,
                          "the end of the recording")
            finally:
                process.kill()
        with open(log, "rb") as file:
            return file.read(window), _loops(machine.line)


def _loops(path):
    """The operations of a round, once the loop has begun; Failure when it can't."""
    with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
        text, _, _ = closed.take_apart(file.read(), path)
        failed = re.search(rb"FAILED (.*)\n", text)
        if failed:
            raise Failure(f"the row can't run on Prunella: {failed[1].decode(errors='replace')}")
        found = re.search(rb"LOOP \S+ (\d+)\n", text)
        return int(found[1]) if found else 0
    return 0


def _size(path):
    with contextlib.suppress(FileNotFoundError):
        return os.stat(path).st_size
    return 0


def _order(process, *orders):
    """Tells QEMU's monitor."""
    process.stdin.write("".join(f"{order}\n" for order in orders).encode())
    process.stdin.flush()


def _measured(addresses, names):
    """What was measured of all whole rounds, and their number."""
    mark, stop, go = (names[name] for name in (MARK, STOP, GO))
    marks = [at for at, address in enumerate(addresses) if address == mark]
    if len(marks) < 2:
        raise _TooLong("the recording holds no whole operation: the row is too long",
                       "whole programs can't be profiled: take the rows that they are made of")
    measured, begin, counts = [], marks[0], True
    for at in range(marks[0], marks[-1]):
        if addresses[at] == stop and counts:
            measured += addresses[begin:at]
            counts = False
        elif addresses[at] == go and not counts:
            begin, counts = at, True
    return measured + (addresses[begin:marks[-1]] if counts else []), len(marks) - 1


def _ways(symbols):
    """{address: what a stay in the kernel that comes there is}."""
    named = {start: name for name, start in symbols.by_name.items()
             if start >= KERNEL_START}
    ways = {start: name.removeprefix(CALL_PREFIX) for start, name in named.items()
            if name.startswith(CALL_PREFIX)}
    ways.update((symbols.by_name[name], name.removesuffix("_user")) for name in WAYS)
    ways.update((symbols.by_name[name], way) for name, way in FAST.items())
    return ways


def _stays(addresses, symbols, operations):
    """The Stays, most costly first."""
    ways = _ways(symbols)
    costs, times = Counter(), Counter()
    entered, image, way = None, "?", None
    for at, address in enumerate([*addresses, 0]):
        if address >= KERNEL_START:
            if entered is None:
                entered, image, way = at, symbols.at(addresses[at - 1])[2] if at else "?", None
            way = way or ways.get(address)
        elif entered is not None:
            key = (image, way or "interrupt")
            costs[key] += at - entered
            times[key] += 1
            entered = None
    return [Stay(*key, cost / operations, times[key] / operations)
            for key, cost in costs.most_common()]


def count(row, timeout):
    """The same as take(), of fewer operations: for what is the same in each."""
    try:
        return take(row, timeout, SHORT_WINDOW_BYTES)
    except _TooLong:
        return take(row, timeout)


def take(row, timeout, window=WINDOW_BYTES):
    """Boots, records and sums up a row: a Profile. Failure."""
    symbols = _Symbols(_images())
    names = symbols.by_name
    log, round_operations = _record(row, timeout, window)
    addresses = [int(address, 16) for address in _LINE.findall(log)]
    addresses, rounds = _measured(addresses, names)
    operations = rounds * round_operations
    hits = Counter(addresses)
    totals, calls = Counter(), Counter()
    for address, count in hits.items():
        function = symbols.at(address)
        totals[function] += count
        if address == function[0]:
            calls[function] = count
    lines = [Line(function[1], function[2], count / len(addresses), count / operations,
                  calls[function] / operations)
             for function, count in totals.most_common()]
    return Profile(operations, len(addresses) / operations,
                   sum(hits[names[name]] for name in ENTRIES) / operations,
                   hits[names[SERVER_CALL]] / operations,
                   sum(hits[address] for address in _switch_addresses()) / operations, lines,
                   _stays(addresses, symbols, operations))


def text(row, profile):
    """A profile for a terminal."""
    shown = [f"{row}: {profile.operations} operations of {profile.instructions:,.0f} instructions; "
             f"each enters the kernel {profile.entries:.2f} times, calls servers "
             f"{profile.server_calls:.2f} times, switches spaces {profile.switches:.2f} times",
             f"{'share':>6}  {'instr':>9}  {'calls':>8}  function"]
    shown += [f"{line.share:6.1%}  {line.instructions:9.1f}  {line.calls:8.2f}  "
              f"{line.function} ({line.image})" for line in profile.lines[:SHOWN]]
    shown += ["", f"{'instr':>9}  {'times':>8}  {'each':>8}  way into the kernel"]
    shown += [f"{stay.instructions:9.1f}  {stay.times:8.2f}  "
              f"{stay.instructions / stay.times:8.1f}  {stay.way} ({stay.image})"
              for stay in profile.stays[:STAYS_SHOWN]]
    return "\n".join([*shown, ""])
