# SPDX-License-Identifier: MIT
"""Reads a whole abi/ folder into one checked Abi."""

import re
from pathlib import Path

from .linux import load_linux
from .load_calls import CallLoader
from .load_constants import Constants, load_objects, load_status
from .load_proto import load_protocols
from .model import Abi
from .reader import read_file

STRUCT = re.compile(r"^struct ([a-z_0-9]+) \{", re.MULTILINE)


def find_structs(folder: Path) -> dict[str, str]:
    """The structs that the hand-written headers define: tag -> name of the header."""
    found = {}
    for path in sorted((folder / "include" / "abi").glob("*.h")):
        for tag in STRUCT.findall(path.read_text(encoding="utf-8")):
            found[tag] = f"abi/{path.name}"
    return found


def load(folder: Path) -> Abi:
    """Raises AbiError at the first thing that is wrong."""
    kernel = folder / "kernel"
    constants = Constants()
    load_status(read_file(kernel / "status.toml", "abi/kernel/status.toml"), constants)
    load_objects(read_file(kernel / "objects.toml", "abi/kernel/objects.toml"), constants)
    structs = find_structs(folder)
    groups, calls = CallLoader(constants, structs).load(
        read_file(kernel / "calls.toml", "abi/kernel/calls.toml"))
    return Abi(constants.statuses, constants.rights, constants.objects, constants.sets, groups,
               calls, structs, load_protocols(folder / "proto", constants),
               load_linux(folder / "linux"))
