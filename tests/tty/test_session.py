# SPDX-License-Identifier: MIT
"""A session on the console as a user has it: a shell, job control, an editor.

It is played undisturbed, and while the terminal server, the serial driver, and the servers of
processes and files are killed again and again. What the screen shows must be the same.
"""

import os
import re
import time

import pexpect
import pytest
from pexpect.popen_spawn import PopenSpawn
from prunella import paths, qemu
from prunella.commands import run

STEP_S = 40
FOREGROUND_S = 0.5  # until a program is in the foreground: nothing shows that
PROMPT = "~ # "
BANNER = re.escape("built-in shell (ash)")
CURSOR = re.escape("\x1b[6n")  # the line editor asks where the cursor is; we don't answer


class Session:
    """One boot to a shell; the second serial line comes through pipes, the log goes to a file."""

    def __init__(self, name, smp=1, append=()):
        self.log = paths.log_folder() / f"{name}.log"
        self.log.unlink(missing_ok=True)
        machine = qemu.Machine(smp=smp, append=[*run.session_words(), qemu.PANIC_WORD, *append])
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


def play_editing(shell):
    """Line editing and history."""
    shell.line("echo $((6*7))", "42\r\n")
    shell.type("echo wrongx\x7f\x7f\x7f\x7f\x7f\x7fright\r")
    shell.expect("\r\nright\r\n")
    shell.prompt()
    shell.type("\x1b[A")  # the line before
    shell.expect("echo right")
    shell.type("\r")
    shell.expect("\r\nright\r\n")
    shell.prompt()


def start(shell, command):
    """Starts a program in the foreground. What is typed before `go` meets the shell's editor."""
    shell.type(f"echo go; {command}\r")
    shell.expect(re.escape(f"echo go; {command}") + "\r\ngo\r\n")
    time.sleep(FOREGROUND_S)


def play_jobs(shell):
    """^C, ^Z, fg, jobs, reading from the background."""
    start(shell, "cat")
    shell.type("one\r")
    shell.expect("one\r\none\r\n")
    shell.type("\x03")
    shell.expect(re.escape("^C"))
    shell.prompt()
    shell.line("echo status $?", "status 130\r\n")
    start(shell, "sleep 1000")
    shell.type("\x1a")
    shell.expect(r"Stopped +sleep 1000\r\n")
    shell.prompt()
    shell.line("jobs", r"Stopped +sleep 1000\r\n")
    shell.type("fg\r")
    shell.expect("fg\r\nsleep 1000\r\n")
    time.sleep(FOREGROUND_S)
    shell.type("\x03")
    shell.prompt()
    shell.line("cat &")
    time.sleep(FOREGROUND_S)
    shell.line("jobs", r"Stopped \(tty input\) +cat")
    shell.type("fg\r")
    shell.expect("fg\r\ncat\r\n")
    time.sleep(FOREGROUND_S)
    shell.type("two\r\x04")
    shell.expect("two\r\ntwo\r\n")
    shell.prompt()


def play_programs(shell):
    """Pipes, settings, and an editor that takes the whole screen."""
    shell.line("seq 1 2000 | wc -l", "2000\r\n")
    shell.line("stty -a | head -1", "rows 24; columns 80")
    shell.type("vi text\r")
    shell.expect(r"text.*1/1")
    shell.type("ihello from vi\x1b")
    time.sleep(FOREGROUND_S)  # an escape with something right behind it is a key of its own
    shell.type(":wq\r")
    shell.prompt()
    shell.line("cat text", "hello from vi\r\n")


def play(shell):
    shell.expect(BANNER)
    shell.prompt()
    play_editing(shell)
    play_jobs(shell)
    play_programs(shell)
    shell.type("exit\r")
    assert shell.end() == qemu.OFF
    assert "session: the shell has ended with status 0" in shell.log.read_text(errors="replace")


@pytest.mark.parametrize("smp", (1, 2))
def test_session(smp):
    shell = Session(f"session-{smp}", smp)
    try:
        play(shell)
    finally:
        shell.kill()


def test_session_while_its_servers_are_killed():
    shell = Session("session-storm", append=["init.services=session-storm"])
    try:
        play(shell)
        killed = re.findall(r"svc-storm: (\d+) killed", shell.log.read_text(errors="replace"))
        assert killed and int(killed[-1]) >= 10
    finally:
        shell.kill()
