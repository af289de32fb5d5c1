# SPDX-License-Identifier: MIT
"""`./prunella run` on a terminal: the shell has its size and its kind, `exit` and ^A x end it."""

import os

import pexpect
from prunella import paths

ROWS, COLUMNS = 33, 101
STEP_S = 60 * float(os.environ.get("PRUNELLA_TIMEOUT_SCALE", "1"))
END_S = 20


def start():
    env = {**os.environ, "TERM": "vt220"}
    shell = pexpect.spawn("./prunella", ["run", "--no-setup", "--smp", "1"], cwd=str(paths.ROOT),
                          env=env, encoding="utf-8", dimensions=(ROWS, COLUMNS), timeout=STEP_S)
    shell.expect_exact("built-in shell (ash)")
    shell.expect_exact("~ # ")
    return shell


def test_size_kind_and_exit():
    shell = start()
    shell.send("stty size; echo $TERM\r")
    shell.expect_exact(f"\n{ROWS} {COLUMNS}\r")
    shell.expect_exact("vt220")
    shell.send("exit\r")
    shell.expect(pexpect.EOF, timeout=END_S)
    shell.close()
    assert shell.exitstatus == 0


def test_window_that_changes_its_size():
    """The program in the foreground gets SIGWINCH, and 0xff can still be typed."""
    shell = start()
    shell.send("sh -c 'trap \"stty size; exit\" WINCH; echo go; while sleep 0.1; do :; done'\r")
    shell.expect(r"done'\r*\ngo\r*\n")
    shell.setwinsize(ROWS + 7, COLUMNS + 9)
    shell.expect_exact(f"{ROWS + 7} {COLUMNS + 9}\r")
    shell.expect_exact("\x1b[6n")
    shell.send("stty size\r")
    shell.expect_exact(f"\n{ROWS + 7} {COLUMNS + 9}\r")
    shell.send("stty raw -echo; echo go; head -c 3 | xxd; stty sane\r")
    shell.expect(r"sane\r*\ngo\r*\n")
    os.write(shell.fileno(), b"\xff-\xff")
    shell.expect_exact("ff2d ff")
    shell.expect_exact("~ # ")
    shell.send("exit\r")
    shell.expect(pexpect.EOF, timeout=END_S)
    shell.close()
    assert shell.exitstatus == 0


def test_control_a_x_ends_it():
    shell = start()
    shell.send("\x01x")
    shell.expect(pexpect.EOF, timeout=END_S)
    shell.close()
    assert shell.exitstatus == 0
