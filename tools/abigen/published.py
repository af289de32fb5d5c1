# SPDX-License-Identifier: MIT
"""Keeps published numbers from changing by accident.

abi/published.txt lists names with their numbers, one a line. Data that gives a listed name another
number, or has lost it, is refused; new names are free until `--publish` adds them. To break the ABI
on purpose, edit the file.
"""

from pathlib import Path

from .model import Abi
from .reader import AbiError

NAME = "published.txt"
INTRO = """\
# Names of the ABI and the numbers that they keep. Checked by tools/abigen.py, which adds new ones
# with --publish. A line is changed by hand only, and only to break the ABI on purpose.
"""


def numbers(abi: Abi) -> dict[str, int]:
    found = {f"status {each.name}": each.value for each in abi.statuses}
    found |= {f"right {each.name}": each.value for each in abi.rights}
    found |= {f"object {each.name}": each.number for each in abi.objects}
    found |= {f"call {each.name}": each.number for each in abi.calls}
    for each in abi.objects:
        found |= {f"signal {each.name}.{signal.name}": signal.value for signal in each.signals}
    for each in abi.sets:
        found |= {f"constant {each.name}.{value.name}": value.value for value in each.values}
    for protocol in abi.protocols:
        found[f"protocol {protocol.name}"] = protocol.id
        found |= {f"operation {protocol.name}.{each.name}": each.number
                  for each in protocol.operations}
        found |= {f"event {protocol.name}.{each.name}": each.value for each in protocol.events}
    return found


def read(path: Path) -> dict[str, int]:
    found = {}
    for position, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, number = line.rpartition(" ")
        if not name or not number.isdigit():
            raise AbiError("abi/" + NAME, f"line {position}", f"is no name and number: {line!r}")
        found[name] = int(number)
    return found


def check(abi: Abi, folder: Path) -> None:
    path = folder / NAME
    if not path.exists():
        return
    present = numbers(abi)
    for name, number in read(path).items():
        if name not in present:
            raise AbiError("abi/" + NAME, name, "was published and is gone from the data")
        if present[name] != number:
            raise AbiError("abi/" + NAME, name,
                           f"was published as {number} and is {present[name]} in the data")


def publish(abi: Abi, folder: Path) -> None:
    lines = [f"{name} {number}\n" for name, number in numbers(abi).items()]
    (folder / NAME).write_text(INTRO + "".join(lines), encoding="utf-8")
