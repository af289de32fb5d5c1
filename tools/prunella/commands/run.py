# SPDX-License-Identifier: MIT
"""Set up what is missing, build, and boot to the console in QEMU.

The console is the serial line. On a terminal every key goes to the guest, ^C too; ^A x ends QEMU,
^A c is QEMU's monitor, ^A h lists the rest. Exit status: 0 when the guest powered off, 124 when
--timeout ended it, 1 otherwise.
"""

import contextlib
import os
import signal
import subprocess
import sys
import termios

from prunella import make, paths, qemu, setup
from prunella.cli import add_setup_option
from prunella.errors import UsageError
from prunella.progress import say

SUMMARY = "build, then boot in QEMU"
STATUS_TIMEOUT = 124


def configure(parser):
    parser.add_argument("--smp", type=int, default=qemu.DEFAULT_SMP, metavar="N",
                        help="number of CPUs (default: %(default)s)")
    parser.add_argument("--memory", default=qemu.DEFAULT_MEMORY, metavar="SIZE",
                        help="memory, such as 256M or 2G (default: %(default)s)")
    parser.add_argument("--accel", choices=("auto", "tcg", "kvm"), default="auto",
                        help="auto takes KVM where it works (default: %(default)s)")
    parser.add_argument("--append", action="append", default=[], metavar="WORDS",
                        help="words for the kernel's command line (repeatable)")
    parser.add_argument("--icount", action="store_true",
                        help="count instructions as time, so that two runs are the same")
    parser.add_argument("--headless", action="store_true",
                        help="print the console, but read nothing from standard input")
    parser.add_argument("--timeout", type=float, metavar="S", help="end the guest after S seconds")
    add_setup_option(parser)


def machine_of(options):
    """The machine that the options describe; UsageError when they make no sense."""
    if options.icount and options.accel == "kvm":
        raise UsageError("--icount needs TCG: KVM can't count instructions as time",
                         "leave out --accel kvm")
    return qemu.Machine(smp=qemu.check_smp(options.smp), memory=qemu.check_memory(options.memory),
                        accel=options.accel, append=list(options.append), icount=options.icount)


def execute(options):
    machine = machine_of(options)
    if options.timeout is not None and options.timeout <= 0:
        raise UsageError(f"--timeout {options.timeout:g} is no time", "give seconds above 0")
    setup.ensure(setup.RUN, options.setup)
    make.build()
    make.require_kernel()
    interactive = not options.headless and sys.stdin.isatty() and sys.stdout.isatty()
    machine.console = "terminal" if interactive else "pipe"
    machine.log = paths.log_folder() / "run.log"
    machine.trace = qemu.new_trace()
    if interactive:
        say("the console follows; ^A x ends QEMU")
    else:
        machine.append.append(qemu.PANIC_WORD)
    outcome = boot(machine, options.timeout, reads=not options.headless)
    qemu.explain(outcome, machine.log)
    return {qemu.OFF: 0, qemu.TIMEOUT: STATUS_TIMEOUT}.get(outcome, 1)


def boot(machine, timeout=None, reads=True):
    """Runs QEMU on our own standard streams until it ends; returns the outcome."""
    saved = termios.tcgetattr(0) if os.isatty(0) else None
    stdin = None if reads else subprocess.DEVNULL
    sys.stdout.flush()
    try:
        with subprocess.Popen(machine.command(), stdin=stdin) as process:
            try:
                return qemu.judge(process.wait(timeout), machine.trace)
            except subprocess.TimeoutExpired:
                return qemu.TIMEOUT
            finally:
                if process.poll() is None:
                    process.kill()
    finally:
        if saved:
            termios.tcsetattr(0, termios.TCSADRAIN, saved)


def boot_captured(machine, timeout):
    """Runs QEMU without standard input; returns the outcome and what the console printed."""
    with subprocess.Popen(machine.command(), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE) as process:
        try:
            text, _ = process.communicate(timeout=timeout)
            return qemu.judge(process.returncode, machine.trace), text.decode(errors="replace")
        except subprocess.TimeoutExpired:
            process.kill()
            text, _ = process.communicate()
            return qemu.TIMEOUT, text.decode(errors="replace")


@contextlib.contextmanager
def ignore_interrupts():
    """^C reaches only the child while the block runs."""
    previous = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
