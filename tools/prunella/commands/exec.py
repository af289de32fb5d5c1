# SPDX-License-Identifier: MIT
"""Boot a guest, run one Linux program in it, and end as it ended.

Standard input reaches the program; what it writes comes out on standard output and standard error,
byte for byte, and nothing else does on standard output. The exit status is the program's, or 128+n
when signal n ended it.

  124   --timeout has passed; the tail of the kernel's log is on standard error
  125   wrong options, a missing host file, a guest that did not boot
  126   the program can't be executed
  127   there is no such program

A PROGRAM without a slash is sought in the guest's PATH. `--put FILE` makes it /FILE in the guest.
"""

import contextlib
import os
import signal
import sys
import tempfile

from prunella import bootfiles, closed, fetch, make, paths, programs, qemu, setup
from prunella.cli import add_setup_option
from prunella.errors import Failure, UsageError
from prunella.guest import BROKEN, TIMED_OUT, Guest, GuestFailed, TimedOut, log_tail

SUMMARY = "run one Linux program in a guest"
DEFAULT_SMP = 1


def configure(parser):
    parser.add_argument("--put", action="append", default=[], metavar="HOST[:GUEST]",
                        help="put a file or a tree into the guest, with modes, links and times "
                             "(default: as /NAME; repeatable)")
    programs.add_options(parser)
    parser.add_argument("--get", action="append", default=[], metavar="GUEST[:HOST]",
                        help="afterwards fetch a file or a tree from the guest, with modes, links "
                             "and times (default: as NAME, here; repeatable)")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE",
                        help="a variable of the program's environment (repeatable)")
    parser.add_argument("--cwd", default="/", metavar="DIR", help="its working directory")
    parser.add_argument("--timeout", type=float, metavar="S",
                        help="end everything after S seconds, with status 124")
    parser.add_argument("--strace", action="store_true",
                        help="print the program's Linux calls to the kernel's log, and that on "
                             "standard error at the end")
    parser.add_argument("--smp", type=int, default=DEFAULT_SMP, metavar="N",
                        help="number of CPUs (default: %(default)s)")
    parser.add_argument("--memory", default=qemu.DEFAULT_MEMORY, metavar="SIZE",
                        help="memory, such as 64M or 2G (default: %(default)s)")
    parser.add_argument("--icount", action="store_true",
                        help="a closed box on one CPU, in which time is instructions: two runs are "
                             "the same; standard input is read to its end first")
    parser.add_argument("--accel", choices=("auto", "tcg", "kvm"), default="auto",
                        help="auto takes KVM where it works (default: %(default)s)")
    parser.add_argument("--append", action="append", default=[], metavar="WORDS",
                        help="words for the kernel's command line (repeatable)")
    parser.add_argument("--service", action="append", default=[], metavar="FILE",
                        help="one more service manifest (repeatable)")
    parser.add_argument("--execd", metavar="FILE",
                        help="the manifest of the service that runs the program (for tests)")
    parser.add_argument("--log", metavar="FILE", help="keep the kernel's log in this file")
    add_setup_option(parser)
    parser.add_argument("words", nargs="*", metavar="PROGRAM ARG",
                        help="the program in the guest and its arguments; write -- before them")
    parser.usage = "%(prog)s [OPTION...] -- PROGRAM [ARG...]"


def execute(options):
    try:
        return _execute(options)
    except UsageError as failure:
        raise Failure(failure.cause, failure.remedy, BROKEN) from None
    except Failure as failure:
        failure.status = BROKEN if failure.status == 1 else failure.status
        raise


def _environment(words):
    env = {"PATH": programs.GUEST_PATH, "HOME": "/"}
    for word in words:
        name, equals, value = word.partition("=")
        if not name or not equals:
            raise UsageError(f"--env {word} is no variable", "write NAME=VALUE")
        env[name] = value
    return env


def _check(options):
    """Everything that can be wrong before anything is built or booted."""
    if not options.words:
        raise UsageError("no PROGRAM is given", "write: ./prunella exec [OPTION...] -- PROGRAM")
    if options.timeout is not None and options.timeout <= 0:
        raise UsageError(f"--timeout {options.timeout:g} is no time", "give seconds above 0")
    if not options.cwd.startswith("/"):
        raise UsageError(f"--cwd {options.cwd} is no absolute path")
    machine = qemu.Machine(smp=qemu.check_smp(options.smp),
                           memory=qemu.check_memory(options.memory),
                           accel=options.accel, append=list(options.append),
                           icount=options.icount)
    if options.icount and (options.smp != 1 or options.accel == "kvm"):
        raise UsageError("--icount needs one CPU that QEMU counts the instructions of",
                         "leave out --smp and --accel kvm")
    if options.icount and options.get:
        raise UsageError("--get does not go with --icount yet")
    puts = [bootfiles.parse_put(text) for text in options.put]
    programs.check(options)
    options.get = [fetch.parse_get(text) for text in options.get]
    return machine, puts, _environment(options.env)


def _services(options):
    """Manifests of the command line."""
    try:
        found = [bootfiles.service(path) for path in options.service]
        options.execd = bootfiles.service(options.execd) if options.execd else None
    except OSError as error:
        raise UsageError(f"no manifest: {error}") from None
    return found


def _execute(options):
    machine, puts, env = _check(options)
    texts = _services(options)
    setup.ensure(setup.RUN, options.setup)
    make.build(stdout=sys.stderr)
    make.require_kernel()
    more = programs.chosen(options)
    handle, archive = tempfile.mkstemp(prefix="prunella-exec-", suffix=".tar")
    os.close(handle)
    try:
        if options.icount:
            return _run_closed(options, machine, env, (puts, more), texts, archive)
        ahead, ended = closed.read_ahead(0)
        said = closed.first_frames(options.words, ahead, ended, env, options.cwd, options.strace)
        texts += [closed.service(options.execd), closed.script(said)]
        machine.archive = bootfiles.compose(archive, puts, texts, programs=more)
        return _run(options, machine, len(ahead), ended)
    finally:
        bootfiles.remove(archive)


def _run_closed(options, machine, env, files, texts, archive):
    puts, more = files
    said = closed.all_frames(options.words, sys.stdin.buffer.read(), env, options.cwd,
                             options.strace)
    texts = [*texts, closed.service(options.execd), closed.script(said)]
    machine.archive = bootfiles.compose(archive, puts, texts, programs=more)
    log = options.log or closed.new_log()
    try:
        stdout, stderr, status = closed.run(machine, options.words[0], log, options.timeout)
    except GuestFailed as failure:
        _explain(failure)
        return TIMED_OUT if isinstance(failure, TimedOut) else BROKEN
    _writer(1)(stdout)
    _writer(2)(stderr)
    if options.strace:
        sys.stderr.write(log_tail(log, None) + "\n")
    if not options.log:
        bootfiles.remove(log)
    return status


def _run(options, machine, sent, ended):
    guest = Guest(machine, options.log, closed.SERVICE)
    guest.expect_start(sent, ended)
    finished = False
    try:
        guest.boot()
        with _interrupts_go_to(guest):
            status = guest.stream(options.words, 0, _writer(1), _writer(2),
                                  timeout=options.timeout)
        for where, target in options.get:
            fetch.fetch(guest, where, target)
        guest.power_off()
        finished = True
        return status
    except TimedOut as failure:
        _explain(failure)
        return TIMED_OUT
    except GuestFailed as failure:
        _explain(failure)
        return BROKEN
    finally:
        guest.kill()
        if options.strace:
            sys.stderr.write(guest.log_tail(None) + "\n")
        if finished and not options.log:
            bootfiles.remove(guest.log)


def _explain(failure):
    print(f"prunella: {failure.cause}; the end of the kernel's log:", file=sys.stderr)
    print(log_tail(failure.log), file=sys.stderr)
    print(f"prunella: all of it is in {paths.shown(failure.log)}", file=sys.stderr)


def _writer(descriptor):
    def write(data):
        while data:
            data = data[os.write(descriptor, data):]
    return write


@contextlib.contextmanager
def _interrupts_go_to(guest):
    """The first ^C is the program's; the second one ends everything."""
    def forward(*_):
        signal.signal(signal.SIGINT, previous)
        guest.signal(signal.SIGINT)
    previous = signal.signal(signal.SIGINT, forward)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
