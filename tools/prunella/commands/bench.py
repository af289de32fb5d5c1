# SPDX-License-Identifier: MIT
"""Measure Prunella in QEMU, beside Linux: the same program on both, in the same machine.

Rows are operations of Linux programs (`--list`), and KIND:COUNT, one among so many of a kind
(files:1000); `native`: what messages, events and the restart of a server cost, which have no twin
on Linux; `boot`: what a boot takes, in time and memory; `scale`: cost as things grow in number, to
10,000; `cpus`: work done by 1, 2 and 4 CPUs. Without a ROW all that is listed is measured.

Two modes, both unless one is named. `--icount` counts guest instructions on one CPU, and repeats to
the last digit; it has a second column for a Linux that is tuned for speed alone. `--wall` measures
time on the host's clock, in pairs of boots, and needs a quiet host. Control rows are the same on
both kernels, or the run is void.
"""

import json
import sys

from prunella import benchcurves, benchreport, bootbench, debian, native, profile, scaling
from prunella import setup, sidebyside
from prunella.cli import add_setup_option
from prunella.errors import Failure, UsageError
from prunella.progress import say
from prunella.sidebyside import LINUX, PRUNELLA, SYSTEMS

SUMMARY = "measure, beside Linux"
NATIVE, BOOT, SCALE, CPUS = "native", "boot", "scale", "cpus"
# Counted, or by the clock; CURVES are plotted.
OTHERS = {NATIVE: "icount", BOOT: "icount", SCALE: "icount", CPUS: "wall"}
CURVES = {SCALE: benchcurves.of_scale, CPUS: benchcurves.of_cpus}
# Rows of --quick, and what of Linux's instructions they may cost: measured, and a few percent.
QUICK_CEILINGS = {
    "getppid": 0.31, "read_zero_1": 0.35, "pread_4k": 0.52, "pwrite_4k": 0.46, "fstat": 0.48,
    "stat_3comp": 0.98, "open_close": 1.06, "pipe_rtt_1": 0.53, "futex_pingpong": 0.46,
    "fork_exit_wait": 1.24, "mmap_touch_munmap": 0.37, "cow_page": 0.48, "sig_raise": 0.75,
    "poll_100": 1.03, "epoll_1_of_100": 1.34,
}
CONTROLS = ("ctl_cpu_mix",)
# Calls of servers that an operation may make.
CALL_BUDGETS = {
    "getppid": 0, "clock_syscall": 0, "read_zero_1": 0, "pread_4k": 0, "pwrite_4k": 0,
    "lseek_read_512": 0, "fstat": 0, "pipe_rtt_1": 0, "unix_rtt_1": 0, "futex_pingpong": 0,
    "mmap_touch_munmap": 0, "pf_anon_4k": 0, "sig_install": 0, "poll_100": 0, "epoll_1_of_100": 0,
    "stat_3comp": 1, "open_close": 1,
}


def configure(parser):
    parser.add_argument("rows", nargs="*", metavar="ROW", help="what to measure (default: all)")
    parser.add_argument("--icount", action="store_true", help="count instructions only")
    parser.add_argument("--wall", action="store_true", help="measure time only")
    parser.add_argument("--quick", action="store_true",
                        help="a dozen rows, instructions only, each with a ceiling to keep below")
    parser.add_argument("--profile", action="store_true",
                        help="where the instructions of each ROW go, by function")
    parser.add_argument("--count", action="store_true",
                        help="kernel entries, server calls and address-space switches of each ROW, "
                             "by operation")
    parser.add_argument("--boots", type=int, default=3, metavar="N",
                        help="pairs of boots of --wall (default: %(default)s)")
    parser.add_argument("--list", action="store_true", help="print the names of the rows")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--write", action="store_true",
                        help="write the tables and plots into docs/")
    parser.add_argument("--timeout", type=float, default=300, metavar="S",
                        help="end a guest after S seconds (default: %(default)s)")
    add_setup_option(parser)


def execute(options):
    _check(options)
    setup.ensure(setup.BENCH, options.setup)
    # Standard output is for figures.
    sidebyside.build(stdout=sys.stderr)
    names = sidebyside.all_rows()
    if options.list:
        print("\n".join([*OTHERS, *names]))
        return 0
    unknown = [row for row in options.rows if row not in names and row not in OTHERS
               and not sidebyside.is_among_many(row)]
    if unknown:
        raise UsageError(f"{', '.join(unknown)}: no such row", "./prunella bench --list names them")
    if options.profile:
        return _profile(options)
    if options.count:
        return _count(options, [name for name in names if name in options.rows] or names)
    rows, others = _chosen(options, names)
    if rows or set(others) - {NATIVE}:
        debian.kernel(options.setup)
    if any(row.startswith(sidebyside.WHOLE) for row in rows):
        debian.source(sidebyside.COMPILER, options.setup)
    tables = [_measure(mode, rows, options) for mode in _modes(options)] if rows else []
    found = {name: _measure_other(name, options) for name in others}
    _show(options, tables, found)
    _judge(options, tables, found)
    if options.write:
        figures = {name: value for name, value in found.items() if name not in CURVES}
        for file in benchreport.write(tables, figures, _curves(found)):
            say(f"bench: wrote {file.name}")
    return 0


def _measure_other(name, options):
    if name == NATIVE:
        return native.measure(sidebyside.release_folder(), options.timeout)
    return {BOOT: bootbench.measure, SCALE: scaling.scale,
            CPUS: scaling.rates}[name](options.timeout)


def _curves(found):
    return {name: CURVES[name](value) for name, value in found.items() if name in CURVES}


def _check(options):
    """What can be wrong before anything is built."""
    if options.boots < 1:
        raise UsageError(f"--boots {options.boots} is no number of boots", "give one from 1")
    if options.timeout <= 0:
        raise UsageError(f"--timeout {options.timeout:g} is no time", "give seconds above 0")
    if options.quick and (options.rows or options.wall or options.write or options.count):
        raise UsageError("--quick has its own rows, and counts instructions",
                         "leave out ROW, --wall, --count and --write")
    if options.count and (options.wall or set(OTHERS) & set(options.rows)):
        raise UsageError("--count counts what Linux programs do, not time",
                         "leave out --wall, native, boot, scale and cpus")
    if options.write and options.rows:
        raise UsageError("--write needs all rows", "leave out ROW")
    if options.profile and (not options.rows or set(OTHERS) & set(options.rows)):
        raise UsageError("--profile needs the names of rows", "./prunella bench --list names them")


def _modes(options):
    if options.quick or (options.icount and not options.wall):
        return ["icount"]
    return ["wall"] if options.wall and not options.icount else ["icount", "wall"]


def _chosen(options, names):
    """The rows of the program that are to run, with controls, and which of OTHERS are."""
    if options.quick:
        return [name for name in names if name in QUICK_CEILINGS or name in CONTROLS], (NATIVE,)
    if not options.rows:
        return names, [name for name, mode in OTHERS.items() if mode in _modes(options)]
    rows = [row for row in options.rows if row not in OTHERS]
    if rows:
        rows = [name for name in names if name in rows or name in CONTROLS] + \
            [row for row in rows if row not in names]
    return rows, [name for name in OTHERS if name in options.rows]


def _measure(mode, rows, options):
    """Boots what a mode needs; returns its Table."""
    icount = mode == "icount"
    systems = (LINUX, PRUNELLA) if options.quick or not icount else SYSTEMS
    boots = {system: [] for system in systems}
    for number in range(1 if icount else options.boots):
        if not icount:
            say(f"bench: wall, pair {number + 1} of {options.boots}")
        for system in systems:
            boots[system].append(sidebyside.measure(system, rows, icount, options.timeout))
    return benchreport.summed_up(mode, rows, boots)


def _show(options, tables, found):
    if options.json:
        print(json.dumps(benchreport.as_json(tables, found), indent=1))
    else:
        for table in tables:
            print(benchreport.text(table), end="\n\n")
        for name, value in found.get(NATIVE, {}).items():
            ceiling = native.CEILINGS.get(name)
            limit = f"  (at most {ceiling})" if ceiling else ""
            print(f"{name:24} {value:8} instructions{limit}")
        for name, value in found.get(BOOT, {}).items():
            print(f"{name:36} {value:14,}")
        for curves in _curves(found).values():
            print(curves.text(), end="\n\n")


def above_ceilings(table):
    """The names of the rows of --quick that cost more than they may, or could not run."""
    ratios = table.ratios()
    return [name for name, most in QUICK_CEILINGS.items()
            if not ratios.get(name) or ratios[name] > most]


def _judge(options, tables, found):
    """Failure when the figures mean nothing, or are above their ceilings."""
    for table in tables:
        unequal = table.unequal_controls()
        if unequal:
            raise Failure(f"the run is void: controls differ between the kernels, by "
                          f"{benchreport.TOLERANCE[table.mode]:.0%} or more: {', '.join(unequal)}",
                          "is the host busy?" if table.mode == "wall" else None)
    over = above_ceilings(tables[0]) if options.quick else []
    over += native.above_ceiling(found[NATIVE]) if NATIVE in found else []
    if over:
        raise Failure(f"above the ceiling: {', '.join(over)}",
                      "find out why: ./prunella bench --profile ROW")


def _count(options, rows):
    rows = [row for row in rows if not row.startswith(benchreport.CONTROL)
            and not (row.startswith(sidebyside.WHOLE) and row not in options.rows)]
    counts = {row: profile.count(row, options.timeout) for row in rows}
    if options.json:
        print(json.dumps({row: {"instructions": found.instructions, "entries": found.entries,
                                "server_calls": found.server_calls, "switches": found.switches}
                          for row, found in counts.items()}, indent=1))
    else:
        print(benchreport.count_text(counts))
    if options.write:
        say(f"bench: wrote {benchreport.write_counts(counts).name}")
    return 0


def _profile(options):
    for row in dict.fromkeys(options.rows):
        print(profile.text(row, profile.take(row, options.timeout)))
    return 0
