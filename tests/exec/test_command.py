# SPDX-License-Identifier: MIT
"""./prunella exec as people call it: options, streams, statuses."""

import os
import pathlib
import subprocess
import threading

import pytest
from prunella import paths

SERVICES = pathlib.Path(__file__).parent / "services"
OPTIONS = ("--service", str(SERVICES / "stand-in.svc"),
           "--execd", str(SERVICES / "execd-test.svc"))
COMMAND = [str(paths.ROOT / "prunella"), "exec", "--no-setup"]
TIMEOUT_S = 120


def run(*words, stdin=b"", options=OPTIONS):
    return subprocess.run([*COMMAND, *options, *words], input=stdin, capture_output=True,
                          timeout=TIMEOUT_S, check=False)


def test_streams_and_status():
    data = os.urandom(20_000)
    result = run("--", "tee", stdin=data)
    assert result.returncode == 0
    assert result.stdout == data
    assert result.stderr == data
    assert run("--", "exit", "42").returncode == 42
    assert run("--smp", "2", "--", "signal", "9").returncode == 128 + 9


def test_input_before_and_after_the_boot():
    """What is there at once comes by the boot archive, the rest by the line."""
    first, second = os.urandom(150_000), os.urandom(70_000)
    with subprocess.Popen([*COMMAND, *OPTIONS, "--", "tee"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdin.write(first)
        process.stdin.flush()
        threading.Timer(3.0, lambda: (process.stdin.write(second), process.stdin.close())).start()
        outputs = {}
        readers = [threading.Thread(target=lambda stream: outputs.update({stream: stream.read()}),
                                    args=(stream,))
                   for stream in (process.stdout, process.stderr)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(TIMEOUT_S)
        assert process.wait(TIMEOUT_S) == 0
    assert outputs[process.stdout] == outputs[process.stderr] == first + second


def test_words_after_the_dashes_are_the_programs():
    result = run("--env", "A=b", "--cwd", "/tmp", "--", "args", "--timeout", "--", "-x")
    lines = result.stdout.decode().splitlines()
    assert lines[:4] == ["args", "--timeout", "--", "-x"]
    assert "A=b" in lines and lines[-1] == "/tmp"


def test_no_such_program():
    result = run("--", "nothing")
    assert (result.returncode, result.stdout) == (127, b"")
    assert b"nothing: not found" in result.stderr


def test_a_closed_box_is_the_same_each_time(tmp_path):
    data = bytes(range(256)) * 400
    logs = []
    for number in range(2):
        log = tmp_path / f"{number}.log"
        result = run("--icount", "--log", str(log), "--", "tee", stdin=data)
        assert (result.returncode, result.stdout, result.stderr) == (0, data, data)
        logs.append(log.read_bytes())
    assert logs[0] == logs[1] and b"stand-in: spawn 1" in logs[0]
    assert run("--icount", "--", "exit", "5").returncode == 5
    assert run("--icount", "--", "nothing").returncode == 127


def test_timeout_shows_the_log():
    result = run("--timeout", "4", "--", "hold")
    assert (result.returncode, result.stdout) == (124, b"holding\n")
    assert b"stand-in: spawn 1" in result.stderr


def test_a_guest_that_does_not_boot():
    result = run("--append", "init=bin/nothing", "--", "cat")
    assert (result.returncode, result.stdout) == (125, b"")
    assert b"the end of the kernel's log" in result.stderr


@pytest.mark.parametrize("words", (
    ("--wrong", "--", "cat"),
    (),
    ("--smp", "0", "--", "cat"),
    ("--smp", "many", "--", "cat"),
    ("--memory", "1", "--", "cat"),
    ("--timeout", "-1", "--", "cat"),
    ("--put", "/nonexistent/file", "--", "cat"),
    ("--put", "/bin/sh:/a/../b", "--", "cat"),
    ("--env", "NOTHING", "--", "cat"),
    ("--cwd", "here", "--", "cat"),
    ("--get", "relative", "--", "cat"),
    ("--icount", "--smp", "2", "--", "cat"),
    ("--icount", "--accel", "kvm", "--", "cat"),
))
def test_wrong_options_boot_nothing(words):
    result = run(*words, options=())
    assert (result.returncode, result.stdout) == (125, b"")
    assert b"prunella" in result.stderr
    assert b"command line:" not in result.stderr
