# SPDX-License-Identifier: MIT
"""Loads abi/proto/*.toml."""

from pathlib import Path

from .layout import load_struct
from .load_constants import Constants, load_sets, load_signals
from .model import MovedHandle, Operation, Protocol, Window, WireStruct
from .reader import Entry, Unique, read_file

# Names that the generated C uses for other things: bank_dispatch, struct bank_ops.
RESERVED = ("dispatch", "operation", "operations", "ops", "protocol")
KINDS = ("read", "idempotent", "record")
BODY_BYTES = 256
HANDLES = 4
ANY_OBJECT = "any"       # a handle whose type the operation itself looks at
WINDOW_MAX = 1 << 30
LAST_OPERATION = 0xFFFF
LAST_EVENT = 30          # bit 31 of a channel's signals is the kernel's


class ProtocolLoader:
    def __init__(self, root: Entry, constants: Constants):
        self._root = root
        self._constants = constants
        self._structs: dict[str, WireStruct] = {}
        self._name = ""

    def load(self) -> Protocol:
        entry = self._root.entry("protocol")
        if entry is None:
            self._root.refuse("`[protocol]` is missing")
        self._name = entry.named("protocol")
        number = entry.number("id", 1, 0x7FFF, required=True)
        version = entry.number("version", 1, 0xFFFF, required=True)
        doc = entry.prose("doc")
        entry.finish()
        sets = load_sets(self._root, self._constants.taken)
        for each in self._root.entries("struct", "struct"):
            self._shared_struct(each)
        operations = self._operations()
        events = load_signals(self._root.entries("event", "event"),
                              f"{self._name.upper()}_SIGNAL", self._constants.taken, LAST_EVENT)
        self._root.finish()
        return Protocol(self._name, number, version, doc, self._root.file,
                        tuple(self._structs.values()), sets, operations, events)

    def _shared_struct(self, entry: Entry) -> None:
        name = entry.named("struct")
        if name in self._structs or name in RESERVED:
            entry.refuse("the name is taken")
        self._structs[name] = load_struct(entry, "fields", f"{self._name}_{name}", self._structs,
                                          entry.prose("doc", required=False))
        entry.finish()

    def _operations(self) -> tuple[Operation, ...]:
        names, numbers, found, following = Unique("the name"), Unique("the number"), [], 1
        entries = self._root.entries("operation", "operation")
        if not entries:
            self._root.refuse("a protocol needs an operation")
        for entry in entries:
            operation = self._operation(entry, following)
            names.add(entry, operation.name)
            numbers.add(entry, operation.number)
            self._constants.taken.add(entry, f"{self._name}_OP_{operation.name}".upper())
            found.append(operation)
            following = operation.number + 1
        return tuple(found)

    def _operation(self, entry: Entry, following: int) -> Operation:
        name = entry.named("operation")
        if name in RESERVED:
            entry.refuse("the name is taken")
        number = entry.number("number", 1, LAST_OPERATION) or following
        kind = entry.name(key="class")
        if kind not in KINDS:
            entry.refuse(f"`class` is one of {', '.join(KINDS)}, not {kind}")
        operation = Operation(
            name=name, number=number, kind=kind, may_block=entry.flag("may_block"),
            request=self._body(entry, name, "request"), reply=self._body(entry, name, "reply"),
            in_window=self._window(entry, "in_window"),
            out_window=self._window(entry, "out_window"),
            handles_in=self._handles(entry, "handles_in"),
            handles_out=self._handles(entry, "handles_out"),
            returns_doc=entry.prose("returns", required=False),
            errors={name: text for name, (text, _) in self._constants.errors(entry).items()},
            doc=entry.prose("doc"))
        entry.finish()
        return operation

    def _body(self, entry: Entry, operation: str, key: str) -> WireStruct | None:
        if not entry.has(key):
            return None
        if f"{operation}_{key}" in self._structs:
            entry.refuse(f"there is a shared struct with the name of its {key}")
        body = load_struct(entry, key, f"{self._name}_{operation}_{key}", self._structs)
        if body.size > BODY_BYTES:
            entry.refuse(f"`{key}` has {body.size} bytes; a message holds {BODY_BYTES}")
        return body

    def _window(self, entry: Entry, key: str) -> Window | None:
        window = entry.entry(key)
        if window is None:
            return None
        result = Window(window.number("max", 1, WINDOW_MAX, required=True), window.prose("doc"),
                        key == "in_window" and window.flag("inline"))
        window.finish()
        return result

    def _handles(self, entry: Entry, key: str) -> tuple[MovedHandle, ...]:
        """Each is an object type, or a table with a name and words."""
        names, found = Unique("the handle"), []
        for position, value in enumerate(entry.values(key), 1):
            if isinstance(value, str):
                value = {"name": value, "object": value}
            each = Entry(value, entry.file, f"{entry.where}, {key} number {position}")
            handle = MovedHandle(each.named("handle"), each.name(key="object"),
                                 each.prose("doc", required=False))
            if handle.object != ANY_OBJECT:
                self._constants.check_object(each, handle.object)
            names.add(each, handle.name)
            each.finish()
            found.append(handle)
        if len(found) > HANDLES:
            entry.refuse(f"`{key}` has {len(found)} handles; a message carries {HANDLES}")
        return tuple(found)


def load_protocols(folder: Path, constants: Constants) -> tuple[Protocol, ...]:
    names, ids, found = Unique("the protocol"), Unique("the protocol id"), []
    for path in sorted(folder.glob("*.toml")):
        root = read_file(path, f"abi/proto/{path.name}")
        protocol = ProtocolLoader(root, constants).load()
        root.where = f"protocol {protocol.name}"
        if protocol.name != path.stem:
            root.refuse("the file must be named after the protocol")
        names.add(root, protocol.name)
        ids.add(root, protocol.id)
        found.append(protocol)
    return tuple(found)
