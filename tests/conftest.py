# SPDX-License-Identifier: MIT
"""Fixtures of the system tests, and the hand-over of results to `./prunella test`.

boot    a function that boots a guest: boot(append="", smp=1, memory="256M", timeout=60) -> Guest
cpus    1, 2 and 4 in turn: a test that takes it runs on each number of CPUs

Tests marked `long` run with --long only. What a test has booted is killed when it ends; when it
failed, the tail of each guest's console is part of the report.
"""

import pathlib
import re
import sys

import pytest

TESTS = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(TESTS), str(TESTS.parent / "tools")]

from harness import results  # noqa: E402  (the path comes first)
from harness.guest import DEFAULT_TIMEOUT_S, Guest  # noqa: E402
from prunella import paths, qemu  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="run the long tests too")


def pytest_configure(config):
    config.addinivalue_line("markers", "long: takes minutes, runs with --long only")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--long"):
        return
    chosen = [item for item in items if item.get_closest_marker("long") is None]
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen


def _name(nodeid):
    """tests/boot/test_boot.py::test_x[2] is boot:test_x[2], in test_panic.py boot-panic:test_x[2].

    Logs bear these names, and test files run side by side: so no two may share one.
    """
    path, _, rest = nodeid.partition("::")
    file = pathlib.PurePath(path)
    folder, stem = file.parent.name, file.stem.removeprefix("test_")
    return f"{folder if stem == folder else f'{folder}-{stem}'}:{rest or file.name}"


def _reason(report):
    """One line that says why."""
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash else str(report.longrepr)
    return " ".join(text.splitlines()[:1])[:200] or "no reason given"


def pytest_runtest_logreport(report):
    """One result a test: its call, or a setup or teardown that failed."""
    name = _name(report.nodeid)
    if report.failed:
        results.failed(name if report.when == "call" else f"{name}:{report.when}", _reason(report))
    elif report.skipped:
        results.skipped(name)
    elif report.when == "call":
        results.passed(name)


def pytest_collectreport(report):
    """A test file that can't be read is a failed test."""
    if report.failed:
        results.failed(_name(report.nodeid), "can't be collected")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Adds the tail of the consoles to the report of a failed test."""
    outcome = yield
    report = outcome.get_result()
    if report.failed and call.when == "call":
        for guest in getattr(item, "guests", []):
            report.sections.append(("console of the guest (tail)", guest.tail()))


@pytest.fixture
def boot(request):
    """Boots guests for one test."""
    guests = request.node.guests = []
    stem = re.sub(r"[^A-Za-z0-9_.-]+", "-", _name(request.node.nodeid)).strip("-")

    def start(append="", smp=1, memory=qemu.DEFAULT_MEMORY, timeout=DEFAULT_TIMEOUT_S, **more):
        words = [word for word in (append, qemu.PANIC_WORD) if word]
        machine = qemu.Machine(smp=smp, memory=memory, append=_before_arguments(words), **more)
        number = f"-{len(guests) + 1}" if guests else ""
        guests.append(Guest(machine, paths.log_folder() / f"{stem}{number}.log", timeout))
        return guests[-1]

    yield start
    for guest in guests:
        guest.kill()


def _before_arguments(words):
    """The panic word is the kernel's: it goes before `--`, what follows is init's."""
    line, panic_word = (" ".join(words[:-1]), words[-1])
    kernel, dashes, arguments = line.partition("-- ")
    return [word for word in (kernel.strip(), panic_word, dashes.strip(), arguments) if word]


@pytest.fixture(params=(1, 2, 4))
def cpus(request):
    """A number of CPUs."""
    return request.param
