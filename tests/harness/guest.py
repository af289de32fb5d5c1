# SPDX-License-Identifier: MIT
"""A running virtual machine: expect and send on its serial console, its log, its end.

The console comes through pipes, byte for byte; QEMU itself keeps the log file, so that it is
complete even for what no test has read. QEMU's own complaints go to a second file beside it.
"""

import os
import re
import subprocess
import time

import pexpect
from pexpect.popen_spawn import PopenSpawn

from prunella import qemu

# Time limits are for a quiet machine; a slow one gives all of them a factor.
SCALE = float(os.environ.get("PRUNELLA_TIMEOUT_SCALE", "1"))
DEFAULT_TIMEOUT_S = 60
TAIL_LINES = 40

KERNEL_LINE = re.compile(r"\[ *\d+\.\d{6}\] (.*)")


class GuestError(AssertionError):
    """The guest did not do what the test waited for."""


class Guest:
    """One boot. The console is text with "\\n" between lines; what is no UTF-8 is replaced."""

    def __init__(self, machine, log, timeout=DEFAULT_TIMEOUT_S):
        self.log = log
        self.errors = log.with_suffix(".qemu")
        self.machine = machine
        self.deadline = time.monotonic() + timeout * SCALE
        self.outcome = None
        self.status = None
        machine.log = log
        machine.trace = log.with_suffix(".trace")
        machine.console = "pipe"
        for stale in (log, machine.trace):
            stale.unlink(missing_ok=True)
        with open(self.errors, "wb") as errors:
            self._spawn = PopenSpawn(machine.command(), encoding="utf-8", codec_errors="replace",
                                     preexec_fn=lambda: os.dup2(errors.fileno(), 2))

    def _left(self, timeout=None):
        """Seconds until the limit of this step, or of the boot when that comes first."""
        left = self.deadline - time.monotonic()
        return max(0.0, left if timeout is None else min(left, timeout * SCALE))

    def expect(self, pattern, timeout=None):
        """Waits for a pattern (or the first of a list) on the console; returns the match."""
        try:
            self._spawn.expect(pattern, timeout=self._left(timeout))
        except pexpect.TIMEOUT:
            raise GuestError(f"no {pattern!r} on the console in time") from None
        except pexpect.EOF:
            self.wait()
            raise GuestError(f"the guest ended ({self.outcome}) without {pattern!r}") from None
        return self._spawn.match

    def send(self, text):
        """Types text on the console."""
        self._spawn.send(text)

    def sendline(self, text=""):
        """Types a line on the console; Enter is a carriage return there."""
        self._spawn.send(text + "\r")

    def wait(self, timeout=None):
        """Waits until the guest has ended; returns the outcome (tools/prunella/qemu.py)."""
        if self.outcome is None:
            try:
                self._spawn.expect(pexpect.EOF, timeout=self._left(timeout))
                self.status = self._spawn.proc.wait(self._left() + 5)
            except (pexpect.TIMEOUT, subprocess.TimeoutExpired):
                self.kill()
                self.outcome = qemu.TIMEOUT
                raise GuestError("the guest did not end in time") from None
            self.outcome = qemu.judge(self.status, self.machine.trace)
        return self.outcome

    def wait_off(self, timeout=None):
        """Waits until the guest has powered off; any other end is an error."""
        if self.wait(timeout) != qemu.OFF:
            raise GuestError(f"the guest ended badly: {self.outcome}")

    def kill(self):
        """Ends QEMU at once."""
        if self._spawn.proc.poll() is None:
            self._spawn.proc.kill()
        self.status = self._spawn.proc.wait()

    def text(self):
        """Everything that the console has shown so far."""
        if not self.log.exists():
            return ""
        return self.log.read_text(encoding="utf-8", errors="replace").replace("\r", "")

    def lines(self):
        """The complete lines of text()."""
        return self.text().split("\n")[:-1]

    def kernel_lines(self):
        """The lines that the kernel wrote, without their time stamps."""
        return [match[1] for match in map(KERNEL_LINE.fullmatch, self.lines()) if match]

    def tail(self):
        """What is shown of a guest when its test fails."""
        lines = self.text().splitlines()[-TAIL_LINES:] or ["(nothing on the console)"]
        if self.errors.exists():
            errors = self.errors.read_text(encoding="utf-8", errors="replace")
            lines += [f"qemu: {line}" for line in errors.splitlines()[-TAIL_LINES:]]
        return "\n".join([*lines, f"(log: {self.log})"])
