# SPDX-License-Identifier: MIT
"""Print the version of Prunella and of the tools that build and run it."""

import platform
import re
import subprocess

from prunella import paths, qemu

SUMMARY = "print the versions of Prunella and of its tools"
TOOLS = ("gcc", "clang", "ld", "make", qemu.PROGRAM)


def configure(parser):
    del parser


def number():
    """The version in tools/make/version.mk."""
    text = (paths.ROOT / "tools/make/version.mk").read_text(encoding="utf-8")
    return re.search(r"^VERSION := (\S+)$", text, re.MULTILINE)[1]


def _first_line(command):
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    lines = result.stdout.splitlines()
    return lines[0] if result.returncode == 0 and lines else None


def execute(options):
    del options
    commit = _first_line(["git", "-C", str(paths.ROOT), "describe", "--always", "--dirty"])
    print(f"prunella {number()}" + (f" ({commit})" if commit else ""))
    print(f"python {platform.python_version()}")
    for tool in TOOLS:
        print(_first_line([tool, "--version"]) or f"{tool}: not installed")
    return 0
