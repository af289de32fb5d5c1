# SPDX-License-Identifier: MIT
"""What the data says, after it has been checked. Nothing here is written to again."""

from dataclasses import dataclass, field

from .linux import Linux


@dataclass(frozen=True)
class Named:
    """A constant: a status, a right, a signal, a flag, a member of an enumeration."""

    name: str
    value: int           # the number itself; for rights, signals and flags the bit's index
    doc: str

    @property
    def mask(self) -> int:
        return 1 << self.value


@dataclass(frozen=True)
class Object:
    name: str
    number: int
    rights: tuple[str, ...]
    signals: tuple[Named, ...]
    doc: str
    struct: str | None = None       # the kernel's struct, where handlers may know it


@dataclass(frozen=True)
class ConstantSet:
    """A set of flags (each value one bit) or an enumeration (each value a number)."""

    name: str
    prefix: str
    bits: bool
    values: tuple[Named, ...]
    doc: str

    @property
    def all_name(self) -> str:
        return f"{self.name.upper()}_ALL"

    @property
    def mask(self) -> int:
        return sum(value.mask for value in self.values)


@dataclass(frozen=True)
class Arg:
    name: str
    type: str                       # a key of types.ARG_TYPES
    doc: str
    rights: tuple[str, ...] = ()    # of a handle: what it must carry
    object: str | None = None       # of a handle: the type that it must name
    set: str | None = None          # of flags: the ConstantSet
    only: tuple[str, ...] = ()      # of flags: those of the set that are meant here; empty: all
    of: str | None = None           # of a pointer: "bytes" or "struct x"
    length: str | None = None       # of a pointer: the argument with its size or count
    optional: bool = False          # of a pointer: 0 is allowed; of a handle: HANDLE_NONE is
    own: bool = False               # of a handle: HANDLE_NONE stands for the caller's own
    carried: bool = False           # of a handle: the handler is given its rights too
    raw: bool = False               # of a handle or a pointer: the handler looks at it itself
    min: str | None = None          # of a size: a constant
    max: str | None = None          # likewise
    align: str | None = None        # of an address, an offset or a size: a constant
    mask: str | None = None         # of signals: the constant that holds all that are meant
    nonzero: bool = False           # of a number
    progress: bool = False          # of a size: the kernel works it off in steps; see emit_kernel

    @property
    def looked_up(self) -> bool:
        """Whether the handler is given the object that a handle names."""
        return self.type == "handle" and not self.raw and bool(self.object or self.rights)

    @property
    def record(self) -> bool:
        """Whether the handler is given a copy of what a pointer points to."""
        return bool(self.of) and self.of != "bytes" and not self.length and not self.raw


@dataclass(frozen=True)
class Call:
    name: str
    number: int
    group: str
    summary: str
    doc: str
    args: tuple[Arg, ...]
    returns: str                    # a key of types.RETURN_TYPES
    returns_doc: str
    errors: dict[str, str]
    may_block: bool
    noreturn: bool
    may_ignore: bool                # the caller need not look at the result
    handler: str = ""               # the kernel's function, where it is not one of this call alone
    gives: tuple[str, ...] = ()     # the caller's own things that the handler gets first
    makes: tuple[str, ...] = ()     # objects that the handler makes: each gets a handle

    @property
    def constant(self) -> str:
        return f"CALL_{self.name.upper()}"


@dataclass(frozen=True)
class Group:
    name: str
    doc: str


@dataclass(frozen=True)
class Field:
    """A member of a wire struct, at a known offset. Padding is a field too."""

    name: str
    c_type: str
    count: int | None               # of an array
    offset: int
    size: int
    doc: str = ""
    padding: bool = False


@dataclass(frozen=True)
class WireStruct:
    name: str                       # the C tag
    fields: tuple[Field, ...]
    size: int
    align: int
    doc: str = ""


@dataclass(frozen=True)
class Window:
    max: int
    doc: str
    inline: bool = False    # a short one stands behind the request in the message as well


@dataclass(frozen=True)
class MovedHandle:
    name: str
    object: str
    doc: str


@dataclass(frozen=True)
class Operation:
    name: str
    number: int
    kind: str                       # read, idempotent, record
    may_block: bool
    request: WireStruct | None
    reply: WireStruct | None
    in_window: Window | None
    out_window: Window | None
    handles_in: tuple[MovedHandle, ...]
    handles_out: tuple[MovedHandle, ...]
    returns_doc: str                # what a result above zero means; empty: never above zero
    errors: dict[str, str]
    doc: str


@dataclass(frozen=True)
class Protocol:
    name: str
    id: int
    version: int
    doc: str
    source: str                     # the data file
    structs: tuple[WireStruct, ...]
    sets: tuple[ConstantSet, ...]
    operations: tuple[Operation, ...]
    events: tuple[Named, ...]


@dataclass(frozen=True)
class Abi:
    statuses: tuple[Named, ...]
    rights: tuple[Named, ...]
    objects: tuple[Object, ...]
    sets: tuple[ConstantSet, ...]
    groups: tuple[Group, ...]
    calls: tuple[Call, ...]
    structs: dict[str, str]         # tag of a hand-written struct -> the header that defines it
    protocols: tuple[Protocol, ...] = field(default=())
    linux: Linux | None = None      # the tables of Linux, where the data has them

    def right_mask(self, names: tuple[str, ...]) -> int:
        return sum(right.mask for right in self.rights if right.name in names)

    def set_named(self, name: str) -> ConstantSet:
        return next(each for each in self.sets if each.name == name)
