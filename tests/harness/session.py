# SPDX-License-Identifier: MIT
"""A session on the console: what is typed, and what the screen must show."""

import os
import re

import pexpect
from pexpect.popen_spawn import PopenSpawn
from prunella import paths, qemu
from prunella.commands import run

STEP_S = 40
PROMPT = "~ # "
CURSOR = re.escape("\x1b[6n")  # the line editor asks where the cursor is; we don't answer


class Session:
    """One boot to a shell; the second serial line comes through pipes, the log goes to a file."""

    def __init__(self, name, smp=1, append=(), **options):
        self.log = paths.log_folder() / f"{name}.log"
        self.log.unlink(missing_ok=True)
        words = [*run.session_words(), qemu.PANIC_WORD, *append]
        machine = qemu.Machine(smp=smp, append=words, **options)
        machine.console, machine.log = "frames", self.log
        machine.trace = qemu.new_trace()
        self._machine = machine
        self._spawn = PopenSpawn(machine.command(), encoding="utf-8", codec_errors="replace")

    def expect(self, pattern):
        """Waits for a pattern; the error shows the screen and the end of the log."""
        scale = float(os.environ.get("PRUNELLA_TIMEOUT_SCALE", "1"))
        try:
            self._spawn.expect(pattern, timeout=STEP_S * scale)
        except (pexpect.TIMEOUT, pexpect.EOF) as error:
            shown = self._spawn.before[-400:] if isinstance(self._spawn.before, str) else ""
            tail = self.log.read_text(errors="replace")[-1500:] if self.log.exists() else ""
            raise AssertionError(f"no {pattern!r} ({type(error).__name__}); the screen: {shown!r}"
                                 f"\nlog: {tail}") from None
        return self._spawn.match

    def type(self, text):
        """Types characters."""
        self._spawn.send(text)

    def line(self, text, *answers):
        """Types a line, waits for its echo, for each answer, and for the next prompt."""
        self.type(text + "\r")
        self.expect(re.escape(text) + "\r\n")
        for answer in answers:
            self.expect(answer)
        self.prompt()

    def prompt(self):
        """Waits for the prompt."""
        self.expect(re.escape(PROMPT) + CURSOR)

    def end(self):
        """Waits until the guest has powered off."""
        self.expect(pexpect.EOF)
        return qemu.judge(self._spawn.proc.wait(STEP_S), self._machine.trace)

    def kill(self):
        """Ends QEMU."""
        if self._spawn.proc.poll() is None:
            self._spawn.proc.kill()
        self._spawn.proc.wait()
