# SPDX-License-Identifier: MIT
"""The native benchmark (apps/bench-ipc): what a message costs, which has no twin on Linux.

One CPU, instructions counted as time (an instruction is 1 ns), without assertions: two runs give
the same figures. Each row is instructions per operation, stubs included.
"""

import re

from prunella import paths, qemu
from prunella.commands.run import boot_captured
from prunella.errors import Failure

# Instructions per operation that must not be exceeded.
CEILINGS = {"call-round-trip-0": 700, "call-round-trip-64": 770, "call-round-trip-256": 840}
_ROW = re.compile(r"# (\S+) (\d+)$", re.MULTILINE)


def measure(out, timeout):
    """Boots the benchmark of this build; returns {row: instructions}. Failure."""
    machine = qemu.Machine(smp=1, icount=True, append=["init.run=bin/bench-ipc", qemu.PANIC_WORD],
                           kernel=paths.kernel(out), archive=paths.boot_archive(out),
                           log=paths.log_folder() / "bench.log", trace=qemu.new_trace())
    outcome, text = boot_captured(machine, timeout)
    rows = {name: int(value) for name, value in _ROW.findall(text.replace("\r", ""))}
    if outcome != qemu.OFF or not rows:
        qemu.explain(outcome, machine.log)
        raise Failure("the benchmark did not end well", f"read {paths.shown(machine.log)}")
    return rows


def above_ceiling(rows):
    """The names of the rows that are above their ceiling, or missing."""
    return [name for name, most in CEILINGS.items() if rows.get(name, most + 1) > most]
