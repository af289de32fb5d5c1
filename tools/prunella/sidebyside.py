# SPDX-License-Identifier: MIT
"""One benchmark program on Debian's kernel and on Prunella, in the same virtual machine.

The program (bench/) is static and unmodified. On Debian it is the init of a first file system that
holds nothing else, on Prunella it is started as `exec` starts programs. The command line of QEMU is
the same but for the kernel, its archive and its words. What it measures it says on its standard
output (bench/bench.h): the ticks of the time stamp counter for an operation, which are instructions
in the mode `icount`, and ticks of the host's clock in the mode `wall`.
"""

import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from prunella import bootfiles, closed, debian, make, paths, programs, qemu
from prunella.cpio import Cpio
from prunella.errors import Failure
from prunella.progress import heartbeat

PROGRAM = "linux-bench"
# Of Debian, for the rows that are whole programs; Prunella's image has the same.
BUSYBOX = Path("/bin/busybox")
MEMORY = "1G"
# Rows whose names begin so are whole programs: busybox's, and these of Debian.
WHOLE = "prog_"
PROGRAMS, PACKAGES = ("/usr/bin/sqlite3",), ("tcc",)
# What tcc compiles is its own source.
COMPILER, HEADERS, SOURCES = "tcc", "musl-dev", "src/tcc"
# mitigations=off: against a fast Linux. What `tuned` leaves out as well, Debian has for safety.
LINUX_WORDS = ("console=ttyS0,115200", "panic=-1", "rdinit=/init", "quiet", "mitigations=off")
TUNED_WORDS = ("init_on_alloc=0", "apparmor=0", "audit=0", "randomize_kstack_offset=off",
               "hardened_usercopy=off", "cgroup_disable=memory", "preempt=none")
LINUX, TUNED, PRUNELLA = "linux", "tuned", "prunella"
SYSTEMS = (LINUX, TUNED, PRUNELLA)

_ROW = re.compile(r"^ROW (\S+) ([0-9.]+) ([0-9.]+) ([0-9]+)$", re.MULTILINE)
_FAILED = re.compile(r"^FAILED (\S+) (.*)$", re.MULTILINE)
_CLOCK = re.compile(r"^CLOCK ([0-9.]+)$", re.MULTILINE)
_START = re.compile(r"^START ([0-9]+)$", re.MULTILINE)
_DONE = re.compile(r"^DONE$", re.MULTILINE)


@dataclass(frozen=True)
class Figures:
    """What one boot measured."""

    best: dict          # row: ticks per operation of the best batch
    failed: dict        # row: why it could not run
    ticks_per_us: float # as the guest's own clock has it
    start: int          # ticks from power-on to the program's beginning


def release_folder():
    return paths.out_folder() / "release"


def build(stdout=None):
    """Builds what is measured: Prunella without assertions, and the program. Failure."""
    make.build(out=release_folder(), debug=False, stdout=stdout)
    make.build(("linux-bench",), stdout=stdout)


def program():
    return paths.out_folder() / "linux" / "bench"


def _ask_program(word):
    """The words that the program, run here, answers to this one."""
    return subprocess.run([program(), word], check=True, capture_output=True,
                          text=True).stdout.split()


def all_rows():
    """Names of the rows, in the order in which they run."""
    return _ask_program("--list")


def kinds():
    """Of what there can be many: the program also knows rows KIND:COUNT."""
    return _ask_program("--kinds")


def is_among_many(row):
    """Whether it is the name of a row KIND:COUNT."""
    kind, _, count = row.partition(":")
    return count.isdecimal() and kind in kinds()


def take_apart(text, rows, who):
    """The Figures in what the program wrote. Failure when it is incomplete."""
    best = {name: float(value) for name, value, _, _ in _ROW.findall(text)}
    failed = dict(_FAILED.findall(text))
    clock, start = _CLOCK.search(text), _START.search(text)
    lost = [row for row in rows if row not in best and row not in failed]
    if not _DONE.search(text) or clock is None or start is None or lost:
        tail = "\n".join(text.splitlines()[-10:])
        raise Failure(f"the benchmark did not end well on {who}"
                      f"{': no ' + ', '.join(lost) if lost else ''}; its last words:\n{tail}")
    return Figures({row: best[row] for row in rows if row in best}, failed, float(clock[1]),
                   int(start[1]))


def _whole_programs(tree, arguments):
    """The Collection of what rows that are whole programs need beside busybox, if any is asked for.

    Failure when a package is not there that should be: setup.ensure(setup.BENCH) comes first.
    """
    if not any(WHOLE in word for word in arguments):
        return programs.Collection(tree)
    found = programs.collect(tree, PROGRAMS, PACKAGES)
    for path in programs.package_files(HEADERS):
        if "/include/" in path:
            found.add(path, strict=False)
    source = debian.source(COMPILER)
    for path in sorted(source.glob("*.*")):
        found.files[str(Path(SOURCES, path.relative_to(source)))] = str(path)
    return found


def _machine(icount, memory=MEMORY, smp=1, **options):
    # Several CPUs run at once, also where the host has fewer cores.
    return qemu.Machine(smp=smp, memory=memory, accel="tcg", icount=icount,
                        parallel=True if smp > 1 else None, **options)


def linux_machine(folder, arguments, tuned=False, **machine):
    """Debian's kernel with the program as its init, which is put into this folder."""
    archive = Cpio()
    archive.console()
    archive.file("init", program(), 0o755)
    archive.file("bin/busybox", BUSYBOX, 0o755)
    archive.collection(_whole_programs({}, arguments))
    where = os.path.join(folder, "linux.cpio")
    with open(where, "wb") as file:
        file.write(archive.finish())
    words = [*LINUX_WORDS, *(TUNED_WORDS if tuned else ()), "--", *arguments]
    return _machine(kernel=debian.kernel(), archive=where, append=words, **machine)


def prunella_machine(folder, arguments, **machine):
    """Prunella, which starts the program with these arguments; its archive is in this folder."""
    out = release_folder()
    base = paths.boot_archive(out)
    said = closed.all_frames([f"/{PROGRAM}", *arguments], b"", {"PATH": "/bin", "HOME": "/"}, "/")
    archive = bootfiles.compose(os.path.join(folder, "prunella.tar"), [(program(), PROGRAM)],
                                [closed.service(), closed.script(said)], base=base,
                                programs=_whole_programs(bootfiles.guest_tree(base), arguments))
    return _machine(kernel=paths.kernel(out), archive=archive, **machine)


def _run_linux(machine, timeout):
    """What the program said on the console."""
    machine.console, machine.log = "closed", paths.log_folder() / "bench-linux.log"
    machine.line, machine.trace = os.devnull, qemu.new_trace()
    bootfiles.remove(machine.log)
    try:
        done = subprocess.run(machine.command(), stdin=subprocess.DEVNULL, timeout=timeout,
                              check=False)
    except subprocess.TimeoutExpired:
        raise Failure(f"Debian's kernel was not done in {timeout:g} s",
                      f"read {paths.shown(machine.log)}, or give a longer --timeout") from None
    outcome = qemu.judge(done.returncode, machine.trace)
    if outcome != qemu.OFF:
        raise Failure(f"Debian's kernel ended badly: {outcome}",
                      f"read {paths.shown(machine.log)}")
    return machine.log.read_text(encoding="utf-8", errors="replace")


def _run_prunella(machine, timeout):
    """What the program said."""
    log = paths.log_folder() / "bench-prunella.log"
    stdout, stderr, _ = closed.run(machine, f"/{PROGRAM}", log, timeout)
    return (stdout + stderr).decode(errors="replace")


def said_by(system, arguments, timeout, **machine):
    """What the program says on one of SYSTEMS when it is given these arguments. Failure.

    machine: icount, and memory and smp where they are to be others than those of the rows.
    """
    with tempfile.TemporaryDirectory(prefix="prunella-bench-") as folder:
        if system == PRUNELLA:
            text = _run_prunella(prunella_machine(folder, arguments, **machine), timeout)
        else:
            text = _run_linux(linux_machine(folder, arguments, system == TUNED, **machine),
                              timeout)
    return text.replace("\r", "")


def measure(system, rows, icount, timeout, **machine):
    """Boots one of SYSTEMS and measures these rows: Figures. Failure."""
    mode = "icount" if icount else "wall"
    with heartbeat(f"bench: {mode}, {system}"):
        return take_apart(said_by(system, [",".join(rows)], timeout, icount=icount,
                                  **machine), rows, system)
