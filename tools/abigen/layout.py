# SPDX-License-Identifier: MIT
"""Lays out the structs of protocols: natural alignment, every gap a named member."""

import re

from .model import Field, WireStruct
from .reader import Entry, Unique
from .types import SCALARS, SCALAR_SIZES

TYPE = re.compile(r"(struct )?([a-z][a-z0-9_]*)(\[([0-9]+)\])?")
COUNT_MAX = 4096


def align_up(offset: int, align: int) -> int:
    return (offset + align - 1) // align * align


class Layout:
    """Members so far, and where the next one would lie."""

    def __init__(self) -> None:
        self.fields: list[Field] = []
        self.offset = 0
        self.align = 1
        self._pads = 0

    def pad_to(self, align: int) -> None:
        gap = align_up(self.offset, align) - self.offset
        if gap:
            self.fields.append(Field(f"pad{self._pads}", "uint8_t", gap, self.offset, gap,
                                     padding=True))
            self._pads += 1
            self.offset += gap

    def add(self, name: str, c_type: str, count: int | None, size: int, align: int,
            doc: str) -> None:
        self.pad_to(align)
        size *= 1 if count is None else count
        self.fields.append(Field(name, c_type, count, self.offset, size, doc))
        self.offset += size
        self.align = max(self.align, align)


def member(entry: Entry, structs: dict[str, WireStruct]) -> tuple[str, int | None, int, int]:
    """C type, count, size of one element and alignment of a member's `type`."""
    text = entry.word("type")
    match = TYPE.fullmatch(text)
    if match is None:
        entry.refuse(f"unknown type {text!r}")
    is_struct, name, is_array, digits = match.groups()
    count = int(digits) if is_array else None
    if count is not None and not 1 <= count <= COUNT_MAX:
        entry.refuse(f"an array has 1 to {COUNT_MAX} elements, not {count}")
    if is_struct and name in structs:
        return f"struct {structs[name].name}", count, structs[name].size, structs[name].align
    if not is_struct and name in SCALARS:
        return SCALARS[name], count, SCALAR_SIZES[name], SCALAR_SIZES[name]
    entry.refuse(f"unknown type {text!r}")


def load_struct(entry: Entry, key: str, tag: str, structs: dict[str, WireStruct],
                doc: str = "") -> WireStruct:
    """The list of members under `key`."""
    members = entry.entries(key, f"{key} member")
    if not members:
        entry.refuse(f"`{key}` has no members")
    names, layout = Unique("the member"), Layout()
    for each in members:
        name = each.named("member")
        names.add(each, name)
        c_type, count, size, align = member(each, structs)
        layout.add(name, c_type, count, size, align, each.prose("doc", required=False))
        each.finish()
    layout.pad_to(layout.align)
    for field in layout.fields:
        if field.padding:
            names.add(entry, field.name)
    return WireStruct(tag, tuple(layout.fields), layout.offset, layout.align, doc)
