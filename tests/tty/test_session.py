# SPDX-License-Identifier: MIT
"""A session on the console as a user has it: a shell, job control, an editor.

It is played undisturbed, and while the terminal server, the serial driver, and the servers of
processes and files are killed again and again. What the screen shows must be the same.
"""

import re
import time

import pytest
from harness.session import Session
from prunella import qemu

FOREGROUND_S = 0.5  # until a program is in the foreground: nothing shows that
BANNER = re.escape("built-in shell (ash)")


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
