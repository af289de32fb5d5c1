# SPDX-License-Identifier: MIT
"""What a new user tries in `./prunella run`, and the servers killed by hand meanwhile."""

import hashlib
import re

import pytest
from harness.session import Session
from prunella import qemu

ITEMS = 200
# Pipes, forks and files, again and again until it is told to stop; each turn says the same.
WORK = (f"until [ -e stop ]; do seq {ITEMS} >a; sed s/1/one/ <a | sort -r >b; "
        "mv b c; cat c | md5sum; rm a c; done >sums 2>&1 &")


@pytest.fixture(scope="module")
def shell():
    session = Session("by-hand")
    try:
        session.expect(re.escape("built-in shell (ash)"))
        session.prompt()
        session.line("stty columns 200")
        yield session
        session.type("exit\r")
        assert session.end() == qemu.OFF
    finally:
        session.kill()


def expected_sum():
    lines = sorted((str(n).replace("1", "one", 1) for n in range(1, ITEMS + 1)), reverse=True)
    return hashlib.md5("".join(f"{line}\n" for line in lines).encode()).hexdigest()


def running(shell):
    """Names of what can be killed; `run` is the session itself."""
    shell.type("svc list | grep running; echo that was all\r")
    text = shell.expect(r"(?s)that was all\r\n(.*)that was all\r\n")[1]
    shell.prompt()
    return [name for name in re.findall(r"(?m)^(\S+) ", text) if name != "run"]


def test_tab_completion(shell):
    shell.type("cat /etc/hostn\t\r")
    shell.expect("cat /etc/hostname .*\r\nprunella\r\n")
    shell.prompt()


def test_top(shell):
    shell.type("top\r")
    shell.expect("Mem: ")
    shell.expect("COMMAND")
    shell.type("q")
    shell.prompt()
    shell.line("echo $?", "0\r\n")


def test_ps(shell):
    shell.line("ps | head -1", "PID +USER")


def test_tools_say_what_they_can(shell):
    shell.line("svc --help | head -1", "Usage: svc COMMAND")
    shell.line("svc nothing 2>/dev/null; echo $?", "2\r\n")
    shell.line("svc status nothing 2>&1 >/dev/null", "svc: there is no service nothing\r\n")
    shell.line("svc status ttyd | grep instance", r"process +\d+, up .*, instance 1\r\n")
    shell.line("capctl list $$ | grep -c tmpfsd", r"[1-9]\d*\r\n")
    shell.line("su nobody -s /bin/sh -c '/bin/svc kill ttyd'; echo $?",
               "svc: only root may use /dev/svc\r\n1\r\n")


def test_no_kill_by_hand_is_noticed(shell):
    shell.line(WORK)
    names = running(shell)
    assert {"init", "procd", "tmpfsd", "ttyd", "uart16550"} <= set(names)
    for name in names:
        shell.line(f"svc kill {name}; echo $?", "0\r\n")
        shell.line(f"svc status {name}", r"restarts +[1-9]")
    shell.line("touch stop; wait; sort sums | uniq -c",
               rf" +[1-9]\d* {expected_sum()}  -\r\n")
    assert set(running(shell)) == set(names)
