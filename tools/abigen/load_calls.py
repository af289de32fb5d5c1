# SPDX-License-Identifier: MIT
"""Loads abi/kernel/calls.toml."""

from dataclasses import replace

from .load_constants import Constants
from .model import Arg, Call, Group
from .reader import Entry, Unique
from .types import ARG_TYPES, POINTERS, RETURN_TYPES, SCALARS

MAX_ARGS = 6
MAX_NUMBER = 1023
SIZES = ("size", "offset")
OWN = ("table", "job", "thread")     # what `gives` may name: self_table() and so on
USES = {"in": "read", "out": "write", "inout": "read and write"}


def implied_errors(arg: Arg) -> list[tuple[str, str]]:
    """What can go wrong with an argument of this type in any call."""
    found = []
    if arg.type == "handle":
        found.append(("BAD_HANDLE", f"`{arg.name}` is not in the table."))
        if arg.object:
            found.append(("WRONG_TYPE", f"`{arg.name}` names no {arg.object}."))
        if arg.rights:
            found.append(("ACCESS_DENIED", f"`{arg.name}` lacks {' or '.join(arg.rights)}."))
    elif arg.type in POINTERS:
        found.append(("FAULT", f"`{arg.name}` is not memory that the caller may {USES[arg.type]}."))
    elif arg.type == "flags":
        unknown = f"a flag other than {', '.join(arg.only)}" if arg.only else "an unknown flag"
        found.append(("INVALID_ARGUMENT", f"`{arg.name}` holds {unknown}."))
    return found + implied_by_range(arg)


def implied_by_range(arg: Arg) -> list[tuple[str, str]]:
    """What is wrong with a number outside the range that its entry gives."""
    found = []
    if arg.min:
        found.append(("OUT_OF_RANGE", f"`{arg.name}` is less than {arg.min}."))
    if arg.max:
        found.append(("OUT_OF_RANGE", f"`{arg.name}` is more than {arg.max}."))
    if arg.align:
        found.append(("INVALID_ARGUMENT", f"`{arg.name}` is no multiple of {arg.align}."))
    if arg.mask:
        found.append(("INVALID_ARGUMENT", f"`{arg.name}` has bits outside {arg.mask}."))
    if arg.nonzero:
        found.append(("INVALID_ARGUMENT", f"`{arg.name}` is 0."))
    return found


def default_doc(kind: str, wanted: str | None, users: list[str]) -> str:
    """What an argument is when its entry says nothing: enough only where the type tells it."""
    if kind == "handle" and wanted:
        return f"the {wanted}"
    if kind in ("size", "u32", "u64") and users:
        return f"the length of `{users[0]}`"
    return {"flags": "how", "in": "what to read", "out": "filled in", "inout": "read and changed",
            "instant": "absolute, or INSTANT_NEVER", "offset": "in bytes"}.get(kind, "")


class CallLoader:
    def __init__(self, constants: Constants, structs: dict[str, str]):
        self._constants = constants
        self._structs = structs

    def load(self, root: Entry) -> tuple[tuple[Group, ...], tuple[Call, ...]]:
        group_names, groups = Unique("the group"), []
        for entry in root.entries("group", "group"):
            name = entry.named("group")
            group_names.add(entry, name)
            groups.append(Group(name, entry.prose("doc")))
            entry.finish()
        numbers, names, calls = Unique("the number"), Unique("the name"), []
        for entry in root.entries("call", "call"):
            call = self._call(entry, {group.name for group in groups})
            names.add(entry, call.name)
            numbers.add(entry, call.number)
            self._constants.taken.add(entry, call.constant)
            calls.append(call)
        root.finish()
        return tuple(groups), tuple(calls)

    def _call(self, entry: Entry, groups: set[str]) -> Call:
        name = entry.named("call")
        number = entry.number("number", 1, MAX_NUMBER, required=True)
        group = entry.name(key="group")
        if group not in groups:
            entry.refuse(f"unknown group {group}")
        args = self._args(entry)
        noreturn = entry.flag("noreturn")
        returns, returns_doc = self._returns(entry, noreturn)
        errors = self._errors(entry, () if noreturn else args)
        call = Call(name=name, number=number, group=group, summary=entry.prose("summary"),
                    doc=entry.prose("doc", required=False), args=args, returns=returns,
                    returns_doc=returns_doc, errors=errors, may_block=entry.flag("may_block"),
                    noreturn=noreturn, may_ignore=entry.flag("may_ignore"),
                    handler=entry.name(key="handler") if entry.has("handler") else "",
                    gives=self._gives(entry), makes=self._makes(entry, returns))
        self._check_made(entry, call)
        entry.finish()
        return call

    def _gives(self, entry: Entry) -> tuple[str, ...]:
        gives = entry.names("gives")
        for name in gives:
            if name not in OWN:
                entry.refuse(f"`gives`: the caller has no {name} of its own")
        return gives

    def _makes(self, entry: Entry, returns: str) -> tuple[str, ...]:
        """One name stands for both of a pair."""
        makes = entry.names("makes")
        return makes * 2 if returns == "handle_pair" and len(makes) == 1 else makes

    def _check_made(self, entry: Entry, call: Call) -> None:
        for name in call.makes:
            self._constants.check_object(entry, name)
        if (call.gives or call.makes) and not call.handler:
            entry.refuse("`gives` and `makes` say what a `handler` is called with")
        if call.makes and call.returns != ("", "handle", "handle_pair")[min(len(call.makes), 2)]:
            entry.refuse("`makes` has one object for a handle, and two for a pair")

    def _returns(self, entry: Entry, noreturn: bool) -> tuple[str, str]:
        returns = entry.entry("returns")
        if returns is None:
            if not noreturn:
                entry.refuse("`returns` is missing")
            return "status", ""
        kind = returns.name(key="type")
        if kind not in RETURN_TYPES:
            returns.refuse(f"unknown type {kind}")
        if noreturn and kind != "status":
            returns.refuse("a call that does not return has no result")
        doc = returns.prose("doc", required=kind != "status")
        returns.finish()
        return kind, doc

    def _errors(self, entry: Entry, args: tuple[Arg, ...]) -> dict[str, str]:
        """The errors that follow from the arguments, then those that the entry lists."""
        errors: dict[str, list[str]] = {}
        for arg in args:
            for name, text in implied_errors(arg):
                errors.setdefault(name, []).append(text)
        unknown = errors.keys() - {status.name for status in self._constants.statuses}
        if unknown:
            entry.refuse(f"its arguments imply the unknown error {min(unknown)}")
        for name, (text, own) in self._constants.errors(entry).items():
            if own or name not in errors:
                errors.setdefault(name, []).append(text)
        return {name: " ".join(texts) for name, texts in errors.items()}

    def _args(self, entry: Entry) -> tuple[Arg, ...]:
        entries = entry.entries("args", "argument")
        if len(entries) > MAX_ARGS:
            entry.refuse(f"{len(entries)} arguments; {MAX_ARGS} registers carry them")
        names, found = Unique("the argument"), []
        for each in entries:
            found.append(self._arg(each))
            names.add(each, found[-1].name)
        for each, arg in zip(entries, found):
            self._check_length(each, arg, found)
        return tuple(self._documented(each, arg, found) for each, arg in zip(entries, found))

    def _documented(self, entry: Entry, arg: Arg, args: list[Arg]) -> Arg:
        users = [each.name for each in args if each.length == arg.name]
        doc = arg.doc or default_doc(arg.type, arg.object, users)
        if not doc:
            entry.refuse("`doc` is empty, and the type does not say enough")
        return replace(arg, doc=doc)

    def _arg(self, entry: Entry) -> Arg:
        name = entry.named("argument")
        kind = entry.name(key="type")
        if kind not in ARG_TYPES:
            entry.refuse(f"unknown type {kind}")
        rights, wanted, flag_set, only, of, length = (), None, None, (), None, None
        if kind == "handle":
            rights = entry.names("rights")
            self._constants.check_rights(entry, rights)
            if entry.has("object"):
                wanted = entry.name(key="object")
                self._constants.check_object(entry, wanted)
                self._check_meaning(entry, wanted, rights)
        elif kind in ("flags", "topic"):
            flag_set = self._set(entry, bits=kind == "flags")
            only = self._only(entry, flag_set)
        elif kind in POINTERS:
            of = self._pointee(entry)
            length = entry.word("size_arg" if of == "bytes" else "count_arg",
                                required=of == "bytes") or None
        arg = Arg(name, kind, entry.word("doc"), rights, wanted, flag_set, only, of, length,
                  **self._ways(entry, kind))
        entry.finish()
        return arg

    def _ways(self, entry: Entry, kind: str) -> dict[str, object]:
        """How the kernel is to treat the argument before its handler sees it."""
        found: dict[str, object] = {}
        if kind == "handle" or kind in POINTERS:
            found |= {key: entry.flag(key) for key in ("optional", "raw")}
        if kind == "handle":
            found |= {key: entry.flag(key) for key in ("own", "carried")}
        if kind in SIZES:
            found |= {key: entry.word(key, required=False) or None for key in ("min", "max")}
        if kind == "size":
            found["progress"] = entry.flag("progress")
        if kind in SIZES + ("addr",):
            found["align"] = entry.word("align", required=False) or None
        if kind == "signals":
            found["mask"] = entry.word("mask", required=False) or None
        if kind in ("u32", "u64"):
            found["nonzero"] = entry.flag("nonzero")
        return found

    def _only(self, entry: Entry, flag_set: str | None) -> tuple[str, ...]:
        names = entry.names("only")
        known = {value.name for each in self._constants.sets if each.name == flag_set
                 for value in each.values}
        for name in names:
            if name not in known:
                entry.refuse(f"`only`: {flag_set} has no {name}")
        return names

    def _check_meaning(self, entry: Entry, wanted: str, rights: tuple[str, ...]) -> None:
        target = next(each for each in self._constants.objects if each.name == wanted)
        for right in rights:
            if right not in target.rights:
                entry.refuse(f"the right {right} means nothing on a {wanted}")

    def _set(self, entry: Entry, bits: bool) -> str | None:
        if not bits and not entry.has("set"):
            return None
        name = entry.name(key="set")
        if not any(each.name == name and each.bits == bits for each in self._constants.sets):
            entry.refuse(f"unknown set of {'flags' if bits else 'numbers'} {name}")
        return name

    def _pointee(self, entry: Entry) -> str:
        of = entry.word("of")
        tag = of.removeprefix("struct ")
        if of != "bytes" and of not in SCALARS.values() and (tag == of or tag not in self._structs):
            entry.refuse(f"`of`: no header under abi/include/abi defines {of!r}")
        return of

    def _check_length(self, entry: Entry, arg: Arg, found: list[Arg]) -> None:
        if arg.length is None:
            return
        target = next((each for each in found if each.name == arg.length), None)
        if target is None or target.type not in ("size", "u64", "u32"):
            entry.refuse(f"its length {arg.length} is not an argument of type size, u64 or u32")
