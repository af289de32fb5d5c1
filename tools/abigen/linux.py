# SPDX-License-Identifier: MIT
"""The tables of Linux: abi/linux/syscalls.tbl and errno.tbl, a line an entry. See abi/README.md.

Complaints name the file, the line and the reason, as those about the TOML files do.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .reader import AbiError

CALLS = "abi/linux/syscalls.tbl"
ERRORS = "abi/linux/errno.tbl"

# What an argument is, for the tracer.
KINDS = {
    "int": "32 bits with a sign",
    "uint": "32 bits without a sign",
    "long": "64 bits with a sign",
    "size": "64 bits without a sign",
    "offset": "a place in a file, 64 bits with a sign",
    "hex": "flags, masks, codes: best read in base 16",
    "octal": "modes of files",
    "fd": "a descriptor",
    "dirfd": "a descriptor or AT_FDCWD",
    "fd_pair": "the address of two descriptors that the call stores",
    "path": "the address of a path that ends with a zero byte",
    "string": "the address of other text that ends with a zero byte",
    "strings": "the address of addresses of texts, null at the end",
    "data": "the address of bytes that the call reads; the next argument is their number",
    "room": "the address of bytes that the call stores; their number is its result",
    "timespec": "the address of seconds and nanoseconds that the call reads",
    "pointer": "any other address",
    "signal": "the number of a signal",
}
RESULT_KINDS = ("long", "hex", "octal", "none")
STATES = {
    "full": "works as on Linux, as far as the tests show",
    "partial": "works but for what is named",
    "absent": "answers ENOSYS",
    "none": "Linux 6.1 itself answers ENOSYS",
}
MAX_ARGS = 6
_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_ERROR = re.compile(r"E[A-Z0-9]+")


@dataclass(frozen=True)
class LinuxArg:
    name: str
    kind: str                       # a key of KINDS


@dataclass(frozen=True)
class LinuxCall:
    number: int
    name: str
    family: str
    state: str                      # a key of STATES
    args: tuple[LinuxArg, ...]
    result: str                     # one of RESULT_KINDS
    missing: str                    # what a partial call lacks

    @property
    def has_handler(self) -> bool:
        return self.state in ("full", "partial")


@dataclass(frozen=True)
class LinuxError:
    number: int
    name: str
    text: str


@dataclass(frozen=True)
class Linux:
    families: dict[str, str]        # name -> a sentence
    calls: tuple[LinuxCall, ...]    # in the order of their numbers
    errors: tuple[LinuxError, ...]

    def of_family(self, family: str) -> list[LinuxCall]:
        return [call for call in self.calls if call.family == family]


def lines(path: Path, shown: str) -> Iterator[tuple[str, str]]:
    """Each line that says something, after the place that complaints name."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise AbiError(shown, "the file", "does not exist") from None
    for position, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            yield f"line {position}", line.strip()


def argument(text: str, where: str) -> LinuxArg:
    name, colon, kind = text.partition(":")
    if not colon or not _NAME.fullmatch(name):
        raise AbiError(CALLS, where, f"`{text}` is no name:kind")
    if kind not in KINDS:
        raise AbiError(CALLS, where, f"`{kind}` is no kind; there are {', '.join(KINDS)}")
    return LinuxArg(name, kind)


def arguments(words: list[str], where: str) -> tuple[tuple[LinuxArg, ...], str]:
    """The arguments and the kind of the result."""
    result = "long"
    if words and words[-1].startswith("="):
        result = words.pop()[1:]
        if result not in RESULT_KINDS:
            raise AbiError(CALLS, where, f"`{result}` is no kind of result")
    found = () if words == ["-"] else tuple(argument(word, where) for word in words)
    if len(found) > MAX_ARGS:
        raise AbiError(CALLS, where, f"has more than {MAX_ARGS} arguments")
    for index, each in enumerate(found):
        if each.kind == "data" and (index + 1 == len(found) or found[index + 1].kind != "size"):
            raise AbiError(CALLS, where, f"no size follows `{each.name}`")
    return found, result


def call(line: str, where: str, families: dict[str, str]) -> LinuxCall:
    front, _, missing = (part.strip() for part in line.partition(" -- "))
    words = front.split()
    if len(words) < 5:
        raise AbiError(CALLS, where, "needs number, name, family, state and arguments (or -)")
    number, name, family, state = words[:4]
    if not number.isdigit() or not _NAME.fullmatch(name):
        raise AbiError(CALLS, where, f"`{number} {name}` is no number and name")
    if family not in families:
        raise AbiError(CALLS, where, f"there is no family `{family}`")
    if state not in STATES:
        raise AbiError(CALLS, where, f"`{state}` is no state; there are {', '.join(STATES)}")
    if (state == "partial") != bool(missing):
        raise AbiError(CALLS, where, "` -- ` and what is missing belong to `partial` alone")
    args, result = arguments(words[4:], where)
    return LinuxCall(int(number), name, family, state, args, result, missing)


def load_calls(path: Path) -> tuple[dict[str, str], tuple[LinuxCall, ...]]:
    families: dict[str, str] = {}
    calls: list[LinuxCall] = []
    names: set[str] = set()
    for where, line in lines(path, CALLS):
        if line.startswith("family "):
            _, name, text = line.split(maxsplit=2)
            families[name] = text
            continue
        found = call(line, where, families)
        if calls and found.number <= calls[-1].number:
            raise AbiError(CALLS, where, f"number {found.number} is out of order")
        if found.name in names:
            raise AbiError(CALLS, where, f"`{found.name}` is there already")
        names.add(found.name)
        calls.append(found)
    return families, tuple(calls)


def load_errors(path: Path) -> tuple[LinuxError, ...]:
    found: list[LinuxError] = []
    for where, line in lines(path, ERRORS):
        number, name, text = (line.split(maxsplit=2) + ["", ""])[:3]
        if not number.isdigit() or not _ERROR.fullmatch(name) or not text:
            raise AbiError(ERRORS, where, "needs number, name and text")
        if found and int(number) <= found[-1].number:
            raise AbiError(ERRORS, where, f"number {number} is out of order")
        found.append(LinuxError(int(number), name, text))
    return tuple(found)


def load_linux(folder: Path) -> Linux | None:
    """The tables below `folder`, abi/linux; None when the data has no such folder."""
    if not folder.is_dir():
        return None
    families, calls = load_calls(folder / "syscalls.tbl")
    return Linux(families, calls, load_errors(folder / "errno.tbl"))
