# SPDX-License-Identifier: MIT
"""The native benchmark (apps/bench-native): messages, events and a restart, without Linux twins.

One CPU, instructions counted as time (an instruction is 1 ns), without assertions: two runs give
the same figures. Each row is instructions per operation, stubs included; what a restart waits for
counts as time, too.
"""

import re

from prunella import paths, qemu
from prunella.commands.run import boot_captured
from prunella.errors import Failure

# Instructions per operation that must not be exceeded.
CEILINGS = {"call-round-trip-0": 700, "call-round-trip-64": 770, "call-round-trip-256": 840,
            "restart": 2_000_000}
_WORDS = ("init.run=bin/bench-native", "init.uses=svc,relay")
_MEMORY = "1G"
_ROW = re.compile(r"# (\S+) (\d+)$", re.MULTILINE)


def measure(out, timeout, words=(), archive=None):
    """Boots the benchmark of this build; returns {row: instructions}. Failure.

    words: more of the kernel's command line. archive: another one than that of the build.
    """
    machine = qemu.Machine(smp=1, memory=_MEMORY, icount=True,
                           append=[*_WORDS, *words, qemu.PANIC_WORD], kernel=paths.kernel(out),
                           archive=archive or paths.boot_archive(out),
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
