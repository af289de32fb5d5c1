# SPDX-License-Identifier: MIT
"""./prunella itself: errors, and the arithmetic of a test run."""

import subprocess

import pytest
from harness.cases import Cases
from harness.guest import GuestError
from prunella import paths, qemu, setup
from prunella.errors import Failure
from prunella.tally import Tally


def prunella(*words, cwd=None):
    return subprocess.run([paths.ROOT / "prunella", *words], cwd=cwd, capture_output=True,
                          text=True, stdin=subprocess.DEVNULL, check=False)


@pytest.mark.parametrize("words", [
    ("fly",), (), ("run", "--smp", "0"), ("run", "--smp", "many"), ("run", "--memory", "lots"),
    ("run", "--accel", "warp"), ("run", "--icount", "--accel", "kvm"), ("run", "--timeout", "0"),
    ("test", "no-such-group"), ("clean", "all")], ids=" ".join)
def test_usage_errors_have_status_2(words):
    result = prunella(*words)
    assert result.returncode == 2
    assert result.stdout == ""
    assert "error: " in result.stderr or result.stderr.startswith("prunella: ")


@pytest.mark.parametrize("command", ["run", "test", "build", "debug", "clean", "features",
                                     "version"])
def test_help_from_any_directory(command, tmp_path):
    result = prunella(command, "--help", cwd=tmp_path)
    assert result.returncode == 0
    assert result.stdout.startswith(f"usage: ./prunella {command}")


def test_version_names_the_tools():
    lines = prunella("version").stdout.splitlines()
    assert lines[0].startswith("prunella 0.")
    assert any("QEMU" in line for line in lines) and any(line.startswith("gcc") for line in lines)


def test_missing_packages_are_named_when_setup_is_forbidden(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Failure) as failure:
        setup.ensure(setup.RUN, allowed=False)
    for name in ("gcc", "make", "binutils", "qemu-system-x86"):
        assert name in failure.value.cause and name in failure.value.remedy


def test_tally_counts_lines(capsys):
    tally = Tally()
    for line in ("ok one", "FAIL two: no reason", "FAIL three", "# speed 1 ns", "okay", "an ok x"):
        tally.take_line(line, "t:")
    assert tally.finish() == 1
    assert capsys.readouterr().out.splitlines()[-1] == "1 passed, 2 failed"
    assert tally.failures == ["t:two: no reason", "t:three: no reason given"]
    assert tally.figures == ["t:speed 1 ns"]


def test_tally_without_a_case_is_a_failure():
    assert Tally().finish() == 1


def cases_of(*lines):
    cases = Cases("program")
    for line in lines:
        cases.take(line)
    return cases


def test_cases_are_read_with_and_without_time_stamps():
    cases = cases_of("[    0.000123] ok one", "ok two", "# figure 3", "noise",
                     "done 2 ok, 0 failed")
    cases.check()
    assert (cases.ok, cases.figures) == (["one", "two"], ["figure 3"])


@pytest.mark.parametrize("lines,reason", [
    (("ok one",), "did not print its sums"),
    (("ok one", "done 2 ok, 0 failed"), "counts"),
    (("ok one", "FAIL two: why", "done 1 ok, 1 failed"), "1 cases failed: two"),
    (("done 0 ok, 0 failed",), "has no case")], ids=range(4))
def test_cases_that_do_not_add_up(lines, reason):
    with pytest.raises(GuestError, match=reason):
        cases_of(*lines).check()


def test_exits_of_the_guest(tmp_path):
    trace = tmp_path / "trace"
    trace.write_text("CPU Reset (CPU 0)\n", encoding="utf-8")
    panic_status = (qemu.EXIT_VALUE_PANIC << 1) | 1
    assert [qemu.judge(status, trace) for status in (0, panic_status, 1, -9)] == [
        qemu.OFF, qemu.PANIC, qemu.FAILED, qemu.KILLED]
    trace.write_text("CPU Reset (CPU 0)\nTriple fault\n", encoding="utf-8")
    assert qemu.judge(0, trace) == qemu.RESET
