# SPDX-License-Identifier: MIT
"""svc, capctl and dmesg as programs: outputs, errors and statuses, in one boot."""

import pathlib
import re

import pytest
from harness.guest import SCALE
from prunella import bootfiles, paths, qemu
from prunella.guest import Guest

SERVICES = pathlib.Path(__file__).parent / "services"
BOOT_S = 60 * SCALE
TOOL_S = 40 * SCALE


@pytest.fixture(scope="module", name="guest")
def _guest(tmp_path_factory):
    """A guest with the services of test_init.py, of which some are refused; bank runs."""
    archive = bootfiles.compose(tmp_path_factory.mktemp("tools") / "boot.tar",
                                texts=map(bootfiles.service, SERVICES.glob("*.svc")))
    guest = Guest(qemu.Machine(archive=archive), paths.log_folder() / "recovery-tools.log",
                  "execd,bank")
    guest.boot(BOOT_S)
    with guest:
        yield guest


def ask(guest, words, status=0):
    """What a tool says on standard output, or when it fails on standard error."""
    result = guest.run(words.split(), timeout=TOOL_S)
    assert result.status == status, result
    said, empty = (result.stdout, result.stderr)[::1 if status == 0 else -1]
    assert empty == b""
    return said.decode()


def test_svc_shows_services(guest):
    lines = ask(guest, "svc list").splitlines()
    assert re.match(r"SERVICE +STATE +LEVEL +PROCESS +RESTARTS +UP", lines[0])
    assert re.match(r"init +running +0 +1 +0 +\d+ m?s", lines[1])
    assert any(re.match(r"bank +running +0 +\d+ +0 +\d+ m?s", line) for line in lines)
    assert any(re.match(r"test-cycle +refused", line) for line in lines)
    assert re.search(r"state +running\n +process +\d+, up \d+ m?s, instance 1\n",
                     ask(guest, "svc status bank"))


def test_svc_rules(guest):
    """Each order is carried out when svc ends; what it did is seen in the next status."""
    for order, shown in (("kill", "instance 2"), ("restart", "instance 3"), ("stop", "stopped"),
                         ("start", "running")):
        assert ask(guest, f"svc {order} bank") == ""
        assert shown in ask(guest, "svc status bank")
    assert ask(guest, "svc freeze bank") == ""
    assert "instance" in ask(guest, "svc status bank")
    assert ask(guest, "svc kill init") == ""
    assert re.search(r"init +running +0 +\d+ +1 ", ask(guest, "svc list"))


@pytest.mark.parametrize("words,status,reason", (
    ("svc", 2, "svc: a command is missing; see svc --help\n"),
    ("svc fly bank", 2, "svc: there is no command fly; see svc --help\n"),
    ("svc stop", 2, "svc: stop takes the name of a service; see svc --help\n"),
    ("svc status nobody", 1, "svc: there is no service nobody\n"),
    ("svc start test-cycle", 1, "svc: can't start test-cycle in its state; see svc status\n"),
    ("capctl list", 2, "capctl: list takes one NAME, PID or process:ID; see capctl --help\n"),
    ("capctl", 2, "capctl: a command is missing; see capctl --help\n"),
    ("capctl grow", 2, "capctl: there is no command grow; see capctl --help\n"),
    ("capctl revoke bank", 2,
     "capctl: revoke takes the NAME of a service and a GRANT; see capctl --help\n"),
    ("capctl list nobody", 1, "capctl: there is nothing to list: nobody\n"),
    ("capctl list 4000000", 1, "capctl: there is no process 4000000\n"),
    ("capctl revoke bank gold", 1, "capctl: there is nothing to revoke: gold\n")))
def test_tools_say_what_is_wrong(guest, words, status, reason):
    assert ask(guest, words, status) == reason


@pytest.mark.parametrize("program", ("svc", "capctl"))
def test_tools_help(guest, program):
    assert ask(guest, f"{program} --help").startswith(f"Usage: {program} COMMAND")


FOLLOW = r"""
echo "<3>it is serious" >/dev/kmsg
busybox timeout 20 /bin/dmesg -w -l 3 | head -2 &
echo "<6>it is not" >/dev/kmsg; sleep 0.5; echo "<2>it is worse" >/dev/kmsg
wait
busybox dmesg | grep -c "it is"
"""


def test_the_log(guest):
    assert re.match(r"\[ *0\.\d+\] \d CPUs? online\n$", ask(guest, "dmesg online"))
    assert re.match(r"\[ *\d+\.\d+\] init: bank started: process \d+\n", ask(guest, "svc log bank"))
    for words, wrong in (("-l many", "-l takes a LEVEL, 0 to 7"),
                         ("-l 8", "-l takes a LEVEL, 0 to 7"), ("-x", "there is no option -x"),
                         ("a b", "one TEXT is enough: b is left")):
        assert ask(guest, f"dmesg {words}", 2) == f"dmesg: {wrong}; see dmesg --help\n"
    assert ask(guest, "dmesg --help").startswith("Usage: dmesg [-w]")
    result = guest.run(["busybox", "sh", "-c", FOLLOW], timeout=TOOL_S)
    assert result.stderr == b""
    assert re.sub(r"(?m)^\[.*?\] ", "", result.stdout.decode()) == \
        "it is serious\nit is worse\n3\n"


def test_capctl_shows_handles_and_takes_them_away(guest):
    held = ask(guest, "capctl list bank")
    assert re.search(r"1 port +\d+ +0 system +READ\|MANAGE\n", held)
    assert re.search(r"timer +\d+ +0 bank ", held)
    ask(guest, "svc start relay")
    assert ask(guest, "capctl revoke relay bank") == ""
    # The service's own record of what it was granted stays; the handle is gone.
    ask(guest, "capctl revoke procd svc")
    assert ask(guest, "svc list", 1) == "svc: nobody stands behind /dev/svc\n"
