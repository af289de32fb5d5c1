# SPDX-License-Identifier: MIT
"""What the tests of abigen share: a small but complete set of data, the tool, the compilers."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(__file__).parent / "data"
sys.path.insert(0, str(ROOT / "tools"))

FLAGS = ["-std=gnu2x", "-O2", "-g", "-Wall", "-Wextra", "-Wshadow", "-Wmissing-prototypes",
         "-Wstrict-prototypes", "-Wvla", "-Wundef", "-Werror"]
POINT = """// SPDX-License-Identifier: MIT
#pragma once
#include <abi/types.h>
struct point {
    uint32_t x, y;
};
"""


def fill(folder: Path) -> Path:
    """The sample data of these tests, with the real hand-written headers."""
    shutil.copytree(DATA, folder)
    shutil.copytree(ROOT / "abi" / "include", folder / "include")
    (folder / "include" / "abi" / "point.h").write_text(POINT)
    return folder


def run_abigen(*arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, ROOT / "tools" / "abigen.py", *map(str, arguments)],
                          capture_output=True, text=True, check=False)


def generate(abi: Path, out: Path) -> Path:
    done = run_abigen("--abi", abi, "--out", out)
    assert done.returncode == 0, done.stderr
    return out


def includes(gen: Path, abi: Path, *first: Path) -> list[str]:
    return [f"-I{each}" for each in (*first, abi / "include", gen, gen / "lib",
                                     gen / "lib" / "sys" / "include", gen / "kernel",
                                     gen / "libos" / "include",
                                     ROOT / "lib" / "sys" / "include")]


def compile_to(output: Path, compiler: str, *arguments: object) -> None:
    done = subprocess.run([compiler, *FLAGS, *map(str, arguments), "-o", output],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def run_program(program: Path) -> str:
    done = subprocess.run([program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout
