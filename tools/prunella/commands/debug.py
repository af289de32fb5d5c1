# SPDX-License-Identifier: MIT
"""Boot in QEMU, stopped before the first instruction, with gdb attached to it.

The console goes to a log file, whose name is printed. With --print nothing is started: the two
commands are printed, for two terminals of your own (the first is then the console).
"""

import shlex
import socket
import subprocess

from prunella import make, paths, qemu, setup
from prunella.cli import add_setup_option
from prunella.commands import run
from prunella.errors import UsageError
from prunella.progress import say

SUMMARY = "boot in QEMU with gdb attached"


def configure(parser):
    parser.add_argument("--print", dest="only_print", action="store_true",
                        help="print the commands, start nothing")
    parser.add_argument("--program", action="append", default=[], metavar="NAME",
                        help="load the symbols of this server, driver or app too (repeatable)")
    parser.add_argument("--smp", type=int, default=1, metavar="N",
                        help="number of CPUs (default: %(default)s)")
    parser.add_argument("--memory", default=qemu.DEFAULT_MEMORY, metavar="SIZE")
    parser.add_argument("--append", action="append", default=[], metavar="WORDS")
    parser.add_argument("--icount", action="store_true")
    # The debugger stops and steps reliably only in an emulated CPU.
    parser.set_defaults(accel="tcg")
    add_setup_option(parser)


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _gdb_command(port, programs):
    words = ["gdb", "-q", str(paths.kernel()), "-ex", "set confirm off",
             "-ex", f"directory {paths.ROOT}"]
    for name in programs:
        path = paths.build_folder() / "bin" / name
        if not path.exists():
            raise UsageError(f"there is no program {name}",
                             f"see {paths.shown(path.parent)} for their names")
        words += ["-ex", f"add-symbol-file {path}"]
    return words + ["-ex", f"target remote 127.0.0.1:{port}"]


def execute(options):
    machine = run.machine_of(options)
    setup.ensure(setup.RUN if options.only_print else setup.DEBUG, options.setup)
    make.build()
    make.require_kernel()
    port = _free_port()
    machine.extra = ["-S", "-gdb", f"tcp:127.0.0.1:{port}"]
    gdb = _gdb_command(port, options.program)
    if options.only_print:
        machine.console = "terminal"
        print(shlex.join(machine.command()))
        print(shlex.join(gdb))
        return 0
    log = paths.log_folder() / "debug.log"
    say(f"the console goes to {paths.shown(log)}")
    with open(log, "wb") as output, \
            subprocess.Popen(machine.command(), stdin=subprocess.DEVNULL, stdout=output,
                             stderr=subprocess.STDOUT,
                             start_new_session=True) as process:
        try:
            # ^C is for gdb: it must not end this program.
            with run.ignore_interrupts():
                return subprocess.run(gdb, check=False).returncode
        finally:
            process.kill()
