# SPDX-License-Identifier: MIT
"""Guests for the tests of `exec`: execd with the stand-in for procd (apps/exec-test)."""

import pathlib
import re

import pytest
from harness.guest import SCALE
from prunella import bootfiles, paths, qemu
from prunella.guest import Guest

SERVICES = pathlib.Path(__file__).parent / "services"
STORM = ["init.run=bin/svc-storm", "init.args=mean-ms=35,execd-test,uart16550", "init.uses=svc"]


@pytest.fixture(scope="session")
def archive(tmp_path_factory):
    """The boot archive with the stand-in."""
    path = tmp_path_factory.mktemp("exec") / "boot.tar"
    return bootfiles.compose(path, texts=map(bootfiles.service, SERVICES.glob("*.svc")))


@pytest.fixture
def guest(request, archive):
    """A function that boots: guest(smp=1, storm=False) -> Guest."""
    booted = []
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", request.node.name).strip("-")

    def start(smp=1, storm=False, memory="64M"):
        machine = qemu.Machine(smp=smp, memory=memory, archive=archive,
                               append=list(STORM) if storm else [])
        log = paths.log_folder() / f"exec-{name}{'-storm' if storm else ''}-{len(booted)}.log"
        booted.append(Guest(machine, log, "execd-test"))
        request.node.guests = [_Shown(each) for each in booted]
        booted[-1].boot(60 * SCALE)
        return booted[-1]

    yield start
    for each in booted:
        each.kill()


class _Shown:
    """What tests/conftest.py wants to know of a guest whose test failed."""

    def __init__(self, guest):
        self._guest = guest

    def tail(self):
        return f"{self._guest.log_tail()}\n(log: {self._guest.log})"
