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


def test_control_a_x_ends_it():
    shell = start()
    shell.send("\x01x")
    shell.expect(pexpect.EOF, timeout=END_S)
    shell.close()
    assert shell.exitstatus == 0
