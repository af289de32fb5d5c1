# SPDX-License-Identifier: MIT
"""The virtual machine: the command line of QEMU, and what its exit means.

One place decides the machine that `run`, `debug` and the tests boot: q35 with nothing that was not
asked for, one serial console, and a CPU model without ERMS, FSRM and LA57 (so that figures can be
compared with those of Linux on the same model: TCG executes `rep movsb` byte by byte).

How a guest ends:
- it powers off through ACPI (POWER_OFF_PORT): QEMU exits with 0: OFF;
- it writes v, not 0, to EXIT_PORT: QEMU exits with (v << 1) | 1. The kernel does that in a panic
  when its command line has PANIC_WORD: PANIC;
- it resets the machine: QEMU, told not to reboot, exits with 0 as well. A triple fault is told from
  a power-off by the trace of CPU resets (not under KVM, which keeps no such trace): RESET;
- QEMU itself fails with 1, or dies of a signal: FAILED, KILLED; or the time was up: TIMEOUT.
"""

import atexit
import functools
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass, field

from prunella import paths
from prunella.errors import UsageError
from prunella.progress import say

PROGRAM = "qemu-system-x86_64"
CPU = "max,-erms,-fsrm,-la57"

EXIT_PORT = 0xF4
EXIT_VALUE_PANIC = 1
POWER_OFF_PORT = 0x604
POWER_OFF_VALUE = 0x2000
PANIC_WORD = "panic=exit"

OFF, PANIC, RESET, FAILED, KILLED, TIMEOUT = (
    "powered off", "panicked", "reset by a triple fault", "QEMU failed", "QEMU was killed",
    "out of time")

DEFAULT_SMP = 2
DEFAULT_MEMORY = "256M"
MAX_SMP = 64


@dataclass
class Machine:
    """What is booted, and how the console is connected.

    console is "terminal" (serial line and monitor on standard input and output; ^A x quits) or
    "pipe" (the bytes of the serial line on standard input and output, nothing else), or "frames"
    (the first serial line into the file `log`, the second one on standard input and output), or
    "closed" (the same, but the second one into the file `line`: nothing comes in), or "watched" (as
    "closed", with the monitor on standard input and output), or "session" (as "frames", with the
    monitor on standard input and output as well).
    parallel: the CPUs run at once (True), in turns (False), or at once where the host has a core
    for each and one to spare (None). Under KVM always at once, with icount always in turns.
    """

    smp: int = DEFAULT_SMP
    memory: str = DEFAULT_MEMORY
    accel: str = "auto"
    append: list = field(default_factory=list)
    icount: bool = False
    parallel: object = None
    console: str = "pipe"
    log: object = None
    line: object = None
    trace: object = None
    kernel: object = None
    archive: object = None
    extra: list = field(default_factory=list)

    def command(self):
        """The words of the call."""
        words = [PROGRAM, "-nodefaults", "-no-user-config", "-machine", "q35"]
        words += self._acceleration()
        words += ["-cpu", CPU, "-smp", str(self.smp), "-m", self.memory]
        words += ["-display", "none", "-no-reboot"]
        words += ["-device", f"isa-debug-exit,iobase={EXIT_PORT:#x},iosize=0x04"]
        words += self._console()
        if self.trace:
            words += ["-d", "cpu_reset", "-D", str(self.trace)]
        words += ["-kernel", str(self.kernel or paths.kernel())]
        words += ["-initrd", str(self.archive or paths.boot_archive())]
        words += ["-append", " ".join(self.append)]
        return words + list(self.extra)

    def _acceleration(self):
        if self.icount:
            # One thread, time by counted instructions, a fixed start: two runs are the same.
            return ["-accel", "tcg,thread=single,tb-size=512", "-icount", "shift=0,sleep=off",
                    "-rtc", "base=2024-01-01,clock=vm", "-seed", "1"]
        if self.accel == "kvm" or (self.accel == "auto" and kvm_works()):
            return ["-accel", "kvm"]
        threads = "multi" if self._runs_parallel() else "single"
        return ["-accel", f"tcg,thread={threads},tb-size=512"]

    def _runs_parallel(self):
        """Whether each CPU of the guest gets a thread of the host.

        With fewer cores than that, the host stops one that holds a lock while the others spin for
        it, and the guest crawls; in one thread they take turns, and give theirs up in a spin loop.
        """
        if self.parallel is None:
            return 1 < self.smp < (os.cpu_count() or 1)
        return self.parallel and self.smp > 1

    def _console(self):
        # signal=off: ^C goes to the guest.
        if self.console == "frames":
            return ["-chardev", f"file,id=log,path={self.log}", "-serial", "chardev:log",
                    "-chardev", "stdio,id=line,signal=off", "-serial", "chardev:line"]
        if self.console in ("closed", "watched"):
            monitor = ["-monitor", "stdio"] if self.console == "watched" else []
            return ["-chardev", f"file,id=log,path={self.log}", "-serial", "chardev:log",
                    "-chardev", f"file,id=line,path={self.line}", "-serial", "chardev:line",
                    *monitor]
        if self.console == "session":
            return ["-chardev", f"file,id=log,path={self.log}", "-serial", "chardev:log",
                    "-chardev", "stdio,id=line,mux=on,signal=off", "-serial", "chardev:line",
                    "-mon", "chardev=line,mode=readline"]
        log = f",logfile={self.log}" if self.log else ""
        if self.console == "terminal":
            return ["-chardev", f"stdio,id=console,mux=on,signal=off{log}",
                    "-serial", "chardev:console", "-mon", "chardev=console,mode=readline"]
        return ["-chardev", f"stdio,id=console,signal=off{log}", "-serial", "chardev:console"]


def check_memory(text):
    """A memory size as QEMU takes it; UsageError when it is none."""
    match = re.fullmatch(r"([0-9]+)([MG]?)", text)
    mebibytes = int(match[1]) * (1024 if match[2] == "G" else 1) if match else 0
    if not 16 <= mebibytes <= 1 << 20:
        raise UsageError(f"{text} is not a memory size",
                         "give mebibytes or gibibytes, from 16M: 256M, 2G")
    return text


def check_smp(number):
    """A number of CPUs; UsageError when it is out of range."""
    if not 1 <= number <= MAX_SMP:
        raise UsageError(f"{number} is not a number of CPUs", f"give one from 1 to {MAX_SMP}")
    return number


@functools.lru_cache(maxsize=None)
def kvm_works():
    """Whether KVM runs code here, seen by running some: a device node that opens proves nothing."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    value = 0x10
    rom = bytearray(64 * 1024)
    # mov al, value; out EXIT_PORT, al: at the reset vector, in 16-bit mode.
    rom[0xFFF0:0xFFF4] = bytes([0xB0, value, 0xE6, EXIT_PORT])
    with tempfile.NamedTemporaryFile(suffix=".rom") as file:
        file.write(rom)
        file.flush()
        probe = [PROGRAM, "-nodefaults", "-no-user-config", "-machine", "q35", "-accel", "kvm",
                 "-cpu", CPU, "-m", "16", "-display", "none", "-no-reboot", "-bios", file.name,
                 "-device", f"isa-debug-exit,iobase={EXIT_PORT:#x},iosize=0x04"]
        try:
            result = subprocess.run(probe, stdin=subprocess.DEVNULL, capture_output=True,
                                    timeout=10, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return False
    return result.returncode == (value << 1) | 1


def new_trace():
    """A file for the trace of CPU resets; it is removed when the program ends."""
    handle, name = tempfile.mkstemp(prefix="prunella-trace-")
    os.close(handle)
    atexit.register(lambda: os.path.exists(name) and os.unlink(name))
    return name


def judge(status, trace=None):
    """What the exit status of QEMU (negative: a signal) means: one of OFF, PANIC, RESET, ..."""
    if status == 0:
        if trace and os.path.exists(trace):
            with open(trace, encoding="utf-8", errors="replace") as lines:
                if any("Triple fault" in line for line in lines):
                    return RESET
        return OFF
    if status < 0:
        return KILLED
    return PANIC if status % 2 == 1 and status > 1 else FAILED


def explain(outcome, log):
    """Tells the user that the guest did not end well, and where the log is."""
    if outcome != OFF:
        say(f"prunella: the guest ended badly: {outcome}")
        if log:
            say(f"prunella: its console is in {paths.shown(log)}")
