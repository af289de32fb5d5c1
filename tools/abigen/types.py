# SPDX-License-Identifier: MIT
"""The types that arguments and results can have, and what they are in C.

`kernel` is the type in a handler's prototype, `user` the one in a stub. A pointer reaches the
kernel as an address that nobody has looked at yet, so it is a vaddr_t there.
"""

from dataclasses import dataclass

from .model import Arg


@dataclass(frozen=True)
class ArgType:
    kernel: str
    user: str
    bits: int
    signed: bool = False


ARG_TYPES = {
    "handle": ArgType("handle_t", "handle_t", 32),
    "rights": ArgType("uint32_t", "uint32_t", 32),
    "flags": ArgType("uint32_t", "uint32_t", 32),
    "signals": ArgType("uint32_t", "uint32_t", 32),
    "topic": ArgType("uint32_t", "uint32_t", 32),
    "u32": ArgType("uint32_t", "uint32_t", 32),
    "i32": ArgType("int32_t", "int32_t", 32, signed=True),
    "status": ArgType("status_t", "status_t", 32, signed=True),
    "u64": ArgType("uint64_t", "uint64_t", 64),
    "i64": ArgType("int64_t", "int64_t", 64, signed=True),
    "addr": ArgType("vaddr_t", "vaddr_t", 64),
    "size": ArgType("size_t", "size_t", 64),
    "offset": ArgType("uint64_t", "uint64_t", 64),
    "instant": ArgType("instant_t", "instant_t", 64, signed=True),
    "duration": ArgType("duration_t", "duration_t", 64, signed=True),
    "token": ArgType("uint64_t", "uint64_t", 64),
    "in": ArgType("vaddr_t", "const %s *", 64),
    "out": ArgType("vaddr_t", "%s *", 64),
    "inout": ArgType("vaddr_t", "%s *", 64),
}

POINTERS = ("in", "out", "inout")

# What a call leaves in rax when it succeeds.
RETURN_TYPES = {
    "status": "0",
    "handle": "a handle",
    "handle_pair": "two handles: the first in the low 32 bits, the second in the high ones",
    "u64": "a number",
    "i64": "a number",
    "addr": "an address",
    "size": "a size in bytes",
    "signals": "signal bits",
}

# The scalars of wire structs and, by their C names, those that `of` may name. The sizes follow.
SCALARS = {
    "u8": "uint8_t", "u16": "uint16_t", "u32": "uint32_t", "u64": "uint64_t",
    "i8": "int8_t", "i16": "int16_t", "i32": "int32_t", "i64": "int64_t", "char": "char",
    "instant": "instant_t", "duration": "duration_t", "status": "status_t",
}
SCALAR_SIZES = {
    "u8": 1, "u16": 2, "u32": 4, "u64": 8, "i8": 1, "i16": 2, "i32": 4, "i64": 8, "char": 1,
    "instant": 8, "duration": 8, "status": 4,
}


def pointee(arg: Arg) -> str:
    """The C type behind a pointer argument."""
    return "void" if arg.of == "bytes" else arg.of


def declare(c_type: str, name: str) -> str:
    """`int` and `x` make `int x`, `int *` and `x` make `int *x`."""
    return f"{c_type}{name}" if c_type.endswith("*") else f"{c_type} {name}"


def user_parameter(arg: Arg) -> str:
    c_type = ARG_TYPES[arg.type].user
    if arg.type in POINTERS:
        c_type = c_type % pointee(arg)
    return declare(c_type, arg.name)


def kernel_parameter(arg: Arg) -> str:
    """As a plain value, before the kernel has looked at it."""
    return declare(ARG_TYPES[arg.type].kernel, arg.name)
