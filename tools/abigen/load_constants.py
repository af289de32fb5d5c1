# SPDX-License-Identifier: MIT
"""Loads abi/kernel/status.toml and abi/kernel/objects.toml."""

from dataclasses import dataclass, field

from .model import ConstantSet, Named, Object
from .reader import UPPER, Entry, Unique

# Below -999 the kernel has outcomes of its own that never leave it.
STATUS_LAST = 999
BITS = 32


@dataclass
class Constants:
    """What the loaders of calls and protocols check names against.

    `taken` holds every C constant that comes out of the data, because all of them share one
    name space: flags of one set can collide with rights, or with another protocol.
    """

    statuses: tuple[Named, ...] = ()
    rights: tuple[Named, ...] = ()
    objects: tuple[Object, ...] = ()
    sets: tuple[ConstantSet, ...] = ()
    taken: Unique = field(default_factory=lambda: Unique("the constant"))

    def errors(self, entry: Entry) -> dict[str, tuple[str, bool]]:
        """The `errors` of a call or an operation: the text, and whether it is the entry's own. An
        error without words has those of its status."""
        known = {status.name: status.doc for status in self.statuses}
        errors = entry.prose_table("errors")
        for name in errors:
            if name not in known:
                entry.refuse(f"unknown error {name}")
        return {name: (text or known[name], bool(text)) for name, text in errors.items()}

    def check_rights(self, entry: Entry, names: tuple[str, ...]) -> None:
        known = {right.name for right in self.rights}
        for name in names:
            if name not in known:
                entry.refuse(f"unknown right {name}")

    def check_object(self, entry: Entry, name: str) -> None:
        if name not in {each.name for each in self.objects}:
            entry.refuse(f"unknown object type {name}")


def load_numbered(entries: list[Entry], what: str, first: int, last: int, key: str,
                  taken: Unique, prefix: str) -> tuple[Named, ...]:
    """Constants that count on from the one before, unless `key` gives the number."""
    numbers, found, following = Unique("the number"), [], first
    for entry in entries:
        name = entry.named(what, UPPER)
        value = entry.number(key, first, last)
        value = following if value is None else value
        if value > last:
            entry.refuse(f"there is room for {last} only")
        numbers.add(entry, value)
        taken.add(entry, f"{prefix}_{name}")
        found.append(Named(name, value, entry.prose("doc")))
        entry.finish()
        following = value + 1
    return tuple(found)


def load_status(root: Entry, constants: Constants) -> None:
    constants.statuses = load_numbered(root.entries("status", "status"), "status", 1, STATUS_LAST,
                                       "value", constants.taken, "ERR")
    root.finish()


def load_set(entry: Entry, bits: bool, taken: Unique) -> ConstantSet:
    """A named set of flags, or an enumeration."""
    name = entry.named("flags" if bits else "enumeration")
    prefix = entry.name(UPPER, "prefix")
    values = entry.entries("values", "value")
    if not values:
        entry.refuse("`values` is empty")
    found = (load_numbered(values, "value", 0, BITS - 1, "bit", taken, prefix) if bits
             else load_numbered(values, "value", 0, 0xFFFF, "value", taken, prefix))
    result = ConstantSet(name, prefix, bits, found, entry.prose("doc", required=False))
    if bits:
        taken.add(entry, result.all_name)
    entry.finish()
    return result


def load_sets(root: Entry, taken: Unique) -> tuple[ConstantSet, ...]:
    names, found = Unique("the set"), []
    for key, bits in (("flags", True), ("enum", False)):
        for entry in root.entries(key, key):
            found.append(load_set(entry, bits, taken))
            names.add(entry, found[-1].name)
    return tuple(found)


def load_signals(entries: list[Entry], prefix: str, taken: Unique,
                 last: int = BITS - 1) -> tuple[Named, ...]:
    for entry in entries:
        if not entry.has("bit"):
            entry.refuse("`bit` is missing")
    return load_numbered(entries, "signal", 0, last, "bit", taken, prefix)


def load_object(entry: Entry, following: int, constants: Constants) -> Object:
    name = entry.named("object")
    number = entry.number("number", 1, 255) or following
    rights = entry.names("rights")
    constants.check_rights(entry, rights)
    constants.taken.add(entry, f"OBJECT_{name.upper()}")
    signals = load_signals(entry.entries("signal", "signal"), f"SIGNAL_{name.upper()}",
                           constants.taken)
    doc = entry.prose("doc")
    struct = entry.name(key="struct") if entry.has("struct") else None
    entry.finish()
    return Object(name, number, rights, signals, doc, struct)


def load_objects(root: Entry, constants: Constants) -> None:
    constants.rights = load_numbered(root.entries("right", "right"), "right", 0, BITS - 1, "bit",
                                     constants.taken, "RIGHT")
    numbers, found, following = Unique("the number"), [], 1
    for entry in root.entries("object", "object"):
        found.append(load_object(entry, following, constants))
        numbers.add(entry, found[-1].number)
        following = found[-1].number + 1
    constants.objects = tuple(found)
    constants.sets = load_sets(root, constants.taken)
    root.finish()
