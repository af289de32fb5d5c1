# SPDX-License-Identifier: MIT
"""Builds the Linux programs and runs them on Debian's kernel, once for all tests."""

import pytest
from abigen.linux import load_linux
from harness import debian
from linux_cases import all_cases
from prunella import make, paths


@pytest.fixture(scope="session")
def programs():
    """The folder with the programs of the build, by C library."""
    make.build(("linux",))
    return paths.out_folder() / "linux"


@pytest.fixture(scope="session")
def cases():
    return all_cases()


@pytest.fixture(scope="session")
def on_debian(cases, programs):
    """What each case does on Debian's kernel, by its name."""
    return dict(zip((case.name for case in cases), debian.run(cases, programs)))


@pytest.fixture(scope="session")
def calls():
    """The table of Linux calls, by number."""
    return {call.number: call for call in load_linux(paths.ROOT / "abi" / "linux").calls}
