# SPDX-License-Identifier: MIT
"""Fixtures of the tests of abigen."""

import shutil
from pathlib import Path

import pytest
from abigen_support import ROOT, fill, generate


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """A folder of data that a test may spoil."""
    return fill(tmp_path / "abi")


@pytest.fixture(scope="session")
def sample_abi(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("sample") / "abi")


@pytest.fixture(scope="session")
def sample_gen(sample_abi: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate(sample_abi, tmp_path_factory.mktemp("sample-gen"))


@pytest.fixture(scope="session")
def real_gen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the data of this tree makes."""
    return generate(ROOT / "abi", tmp_path_factory.mktemp("real-gen"))


@pytest.fixture(params=["gcc", "clang"])
def compiler(request: pytest.FixtureRequest) -> str:
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    return request.param
