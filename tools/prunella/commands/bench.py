# SPDX-License-Identifier: MIT
"""Measure Prunella in QEMU.

`ipc`: what a message costs. One CPU, instructions counted as time (an instruction is 1 ns), without
assertions: two runs give the same figures. Each row is instructions per operation, stubs included.
"""

import json
import re

from prunella import make, paths, qemu, setup
from prunella.cli import add_setup_option
from prunella.commands.run import boot_captured
from prunella.errors import Failure

SUMMARY = "measure (so far: ipc)"

# Instructions per operation that must not be exceeded.
CEILINGS = {"call-round-trip-0": 700, "call-round-trip-64": 770, "call-round-trip-256": 840}
_ROW = re.compile(r"# (\S+) (\d+)$", re.MULTILINE)


def configure(parser):
    parser.add_argument("what", choices=("ipc",), help="what to measure")
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    parser.add_argument("--timeout", type=float, default=120, metavar="S",
                        help="end the guest after S seconds (default: %(default)s)")
    add_setup_option(parser)


def measure(timeout):
    """Boots the benchmark; returns {row: instructions}."""
    out = paths.out_folder() / "release"
    make.build(out=out, debug=False)
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


def execute(options):
    setup.ensure(setup.RUN, options.setup)
    rows = measure(options.timeout)
    if options.json:
        print(json.dumps(rows, indent=1))
    else:
        for name, value in rows.items():
            ceiling = CEILINGS.get(name)
            limit = f"  (at most {ceiling})" if ceiling else ""
            print(f"{name:24} {value:8} instructions{limit}")
    over = above_ceiling(rows)
    if over:
        raise Failure(f"above the ceiling: {', '.join(over)}", "see docs/limits.md or profile it")
    return 0
