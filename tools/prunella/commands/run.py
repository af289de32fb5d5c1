# SPDX-License-Identifier: MIT
"""Set up what is missing, build, and boot in QEMU: to a shell, or to the kernel's log.

On a terminal a shell comes up: it has the second serial line, and the kernel's log goes from the
first one into a file. Every key goes to the guest, ^C too; ^A x ends QEMU, ^A c is QEMU's monitor,
^A h lists the rest; `exit` ends the shell and powers the guest off. Without a terminal, or with
--console kernel, it is the kernel's log that is shown. Exit status: 0 when the guest powered off,
124 when --timeout ended it, 1 otherwise.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import termios

from prunella import bootfiles, console, make, paths, programs, qemu, setup
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
    parser.add_argument("--console", choices=("session", "kernel"), metavar="WHAT",
                        help="what is on this terminal: a session (a shell), or the kernel's log "
                             "(kernel); by default a session when there is a terminal and no "
                             "--append says what is to be started")
    parser.add_argument("--headless", action="store_true",
                        help="print the console, but read nothing from standard input")
    parser.add_argument("--timeout", type=float, metavar="S", help="end the guest after S seconds")
    programs.add_options(parser)
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
    programs.check(options)
    setup.ensure(setup.RUN, options.setup)
    make.build()
    make.require_kernel()
    with tempfile.TemporaryDirectory(prefix="prunella-run-") as folder:
        if options.programs or options.packages:
            machine.archive = bootfiles.compose(os.path.join(folder, "boot.tar"),
                                                programs=programs.chosen(options))
        return _run(options, machine)


def _run(options, machine):
    interactive = not options.headless and sys.stdin.isatty() and sys.stdout.isatty()
    machine.log = paths.log_folder() / "run.log"
    machine.trace = qemu.new_trace()
    if wants_session(options, interactive):
        machine.console = "session" if interactive else "frames"
        machine.append = [*session_words(sizes=interactive), *machine.append]
        say(f"the kernel's log is in {paths.shown(machine.log)}; ^A x ends QEMU")
    else:
        machine.console = "terminal" if interactive else "pipe"
    if interactive and machine.console == "terminal":
        say("the console follows; ^A x ends QEMU")
    if not interactive or machine.console == "session":
        machine.append.append(qemu.PANIC_WORD)
    if machine.console == "session":
        outcome = play(machine, options.timeout)
    else:
        outcome = boot(machine, options.timeout, reads=not options.headless)
    qemu.explain(outcome, machine.log)
    return {qemu.OFF: 0, qemu.TIMEOUT: STATUS_TIMEOUT}.get(outcome, 1)


def wants_session(options, interactive):
    """Whether a shell is to come up; --append with words for init says that something else is."""
    if options.console is not None:
        return options.console == "session"
    chosen = any(re.search(r"(^| )init", words) for words in options.append)
    return interactive and not chosen


def session_words(sizes=False):
    """What init is to start for a shell that knows the size and the kind of this terminal.

    With `sizes` later sizes come over its line (prunella/console.py).
    """
    columns, rows = shutil.get_terminal_size()
    term = re.sub(r"[^A-Za-z0-9+.-]", "", os.environ.get("TERM", "")) or "linux"
    return ["init.run=bin/session", "init.recovery=recovery", "init.uses=tty,proc,vfs",
            f"init.args=rows={rows},columns={columns},term={term}{',sizes=1' if sizes else ''}"]


def play(machine, timeout=None):
    """Runs QEMU with this terminal as the session's console; returns the outcome."""
    sys.stdout.flush()
    try:
        return qemu.judge(console.play(machine.command(), timeout), machine.trace)
    except subprocess.TimeoutExpired:
        return qemu.TIMEOUT


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
