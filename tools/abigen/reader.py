# SPDX-License-Identifier: MIT
"""Reading one TOML entry with care.

An Entry wraps one table of a data file. Each accessor takes one key and checks it; `finish`
refuses what nobody asked for, so that a misspelt key is an error and not a silent default.
Every complaint names the file, the entry and the reason.
"""

import re
import tomllib
from pathlib import Path
from typing import NoReturn

LOWER = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
UPPER = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")

# Names become C identifiers.
C_KEYWORDS = frozenset("""
    asm auto bool break case char const continue default do double else enum extern false float for
    goto if inline int long nodiscard register restrict return short signed sizeof static struct
    switch true typedef typeof union unsigned void volatile while
""".split())


class AbiError(Exception):
    """The data is wrong: where, and why."""

    def __init__(self, file: str, where: str, reason: str):
        super().__init__(f"{file}: {where}: {reason}")


class Entry:
    """One table of a TOML file, and the name by which a complaint calls it."""

    def __init__(self, data: object, file: str, where: str):
        self.file = file
        self.where = where
        if not isinstance(data, dict):
            self.refuse(f"a table is wanted here, not {data!r}")
        self._data = dict(data)

    def refuse(self, reason: str) -> NoReturn:
        raise AbiError(self.file, self.where, reason)

    def has(self, key: str) -> bool:
        return key in self._data

    def _take(self, key: str, kind: type, required: bool) -> object | None:
        if key not in self._data:
            if required:
                self.refuse(f"`{key}` is missing")
            return None
        value = self._data.pop(key)
        # In Python a bool is an int; in the data it is not.
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.refuse(f"`{key}` must be a {kind.__name__}, not {value!r}")
        return value

    def name(self, pattern: re.Pattern = LOWER, key: str = "name") -> str:
        value = self._take(key, str, True)
        if not pattern.fullmatch(value):
            style = "lower_case" if pattern is LOWER else "UPPER_CASE"
            self.refuse(f"`{key}` must be {style}, not {value!r}")
        if value in C_KEYWORDS:
            self.refuse(f"`{key}`: {value} is a word of C")
        return value

    def named(self, what: str, pattern: re.Pattern = LOWER) -> str:
        """The entry's own name; from now on complaints use it in place of its position."""
        value = self.name(pattern)
        outer, comma, _ = self.where.rpartition(", ")
        self.where = f"{outer}{comma}{what} {value}"
        return value

    def word(self, key: str, required: bool = True) -> str:
        value = self._take(key, str, required)
        return (value or "").strip()

    def prose(self, key: str, required: bool = True) -> str:
        """Text for people. Empty prose counts as missing."""
        value = self.word(key, required)
        if required and not value:
            self.refuse(f"`{key}` is empty")
        return value

    def number(self, key: str, low: int, high: int, required: bool = False) -> int | None:
        value = self._take(key, int, required)
        if value is not None and not low <= value <= high:
            self.refuse(f"`{key}` must lie in {low}..{high}, not {value}")
        return value

    def flag(self, key: str) -> bool:
        return bool(self._take(key, bool, False))

    def names(self, key: str) -> tuple[str, ...]:
        values = self._take(key, list, False) or []
        for value in values:
            if not isinstance(value, str):
                self.refuse(f"`{key}` must hold names, not {value!r}")
        if len(set(values)) != len(values):
            self.refuse(f"`{key}` says something twice")
        return tuple(values)

    def prose_table(self, key: str) -> dict[str, str]:
        """Names with a sentence each, which may be empty."""
        table = self._take(key, dict, False) or {}
        for name, text in table.items():
            if not isinstance(text, str):
                self.refuse(f"`{key}.{name}` must be text, not {text!r}")
        return {name: text.strip() for name, text in table.items()}

    def values(self, key: str) -> list:
        return self._take(key, list, False) or []

    def entries(self, key: str, what: str) -> list["Entry"]:
        prefix = f"{self.where}, " if self.where != "the file" else ""
        return [Entry(value, self.file, f"{prefix}{what} number {position}")
                for position, value in enumerate(self.values(key), 1)]

    def entry(self, key: str) -> "Entry | None":
        value = self._take(key, dict, False)
        return None if value is None else Entry(value, self.file, f"{self.where}, {key}")

    def finish(self) -> None:
        if self._data:
            self.refuse("unknown key " + ", ".join(f"`{key}`" for key in sorted(self._data)))


def read_file(path: Path, shown: str) -> Entry:
    """The whole of a data file. `shown` is the name that complaints and outputs carry."""
    try:
        return Entry(tomllib.loads(path.read_text(encoding="utf-8")), shown, "the file")
    except FileNotFoundError:
        raise AbiError(shown, "the file", "does not exist") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AbiError(shown, "the file", f"is not TOML: {error}") from None


class Unique:
    """Refuses the second use of a name or number, and tells who had it first."""

    def __init__(self, what: str):
        self._what = what
        self._owners: dict[object, str] = {}

    def add(self, entry: Entry, key: object) -> None:
        if key in self._owners:
            entry.refuse(f"{self._what} {key} is taken by {self._owners[key]}")
        self._owners[key] = entry.where
