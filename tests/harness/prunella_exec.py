# SPDX-License-Identifier: MIT
"""Runs Linux commands on Prunella, for the comparison with Debian's kernel."""

import pytest


def run(cases, programs):
    """A harness.debian.Result for each case, by its name."""
    del cases, programs
    pytest.skip("no Linux program runs on Prunella yet")
