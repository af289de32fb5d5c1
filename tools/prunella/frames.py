# SPDX-License-Identifier: MIT
"""The frames that `exec` and the guest's execd exchange; abi/include/abi/exec_frame.h tells all."""

import struct
from dataclasses import dataclass

MAGIC = 0x31465850
VERSION = 1
PAYLOAD_MAX = 4096
ARGUMENTS_MAX = 131072

(HELLO, START, DATA, EOF, WINDOW, SIGNAL, CLOSE, EXIT, POWER_OFF) = range(1, 10)
STDIN, STDOUT, STDERR, ARGUMENTS = range(4)
TRACE = 1

_HEADER = struct.Struct("<IBBHIIQ")
_POLYNOMIAL = 0x82F63B78


def _make_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (_POLYNOMIAL if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _make_table()


def crc32c(data):
    """CRC-32C (RFC 3720, section 12.1), with inversions."""
    crc = 0xFFFFFFFF
    table = _TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


@dataclass(frozen=True)
class Frame:
    type: int
    stream: int = 0
    run: int = 0
    offset: int = 0
    payload: bytes = b""

    def encode(self):
        """The bytes on the line."""
        def header(check):
            return _HEADER.pack(MAGIC, self.type, self.stream, self.run & 0xFFFF,
                                len(self.payload), check, self.offset)
        return header(crc32c(header(0) + self.payload)) + self.payload


class Decoder:
    """Cuts what comes from the line into frames. `spoilt` counts bytes that belong to none."""

    def __init__(self):
        self._buffer = bytearray()
        self.spoilt = 0

    def feed(self, data):
        """Takes bytes; returns the frames that are complete now."""
        self._buffer += data
        frames, at = [], 0
        while len(self._buffer) - at >= _HEADER.size:
            size, frame = self._frame(at)
            if size == 0:
                break
            if frame is None:
                self.spoilt += size
            else:
                frames.append(frame)
            at += size
        del self._buffer[:at]
        return frames

    def _frame(self, at):
        """(bytes used, frame); (0, None): more is needed; (1, None): no frame begins here."""
        magic, kind, stream, run, size, check, offset = _HEADER.unpack_from(self._buffer, at)
        if magic != MAGIC or size > PAYLOAD_MAX:
            return 1, None
        end = at + _HEADER.size + size
        if len(self._buffer) < end:
            return 0, None
        payload = bytes(self._buffer[at + _HEADER.size:end])
        blank = _HEADER.pack(magic, kind, stream, run, size, 0, offset)
        if crc32c(blank + payload) != check:
            return 1, None
        return end - at, Frame(kind, stream, run, offset, payload)


def start_frames(number, control, argv, env, cwd, trace=False):
    """The frames that start a program. ValueError: its strings are too long, or hold a zero."""
    strings = [*argv, *(f"{name}={value}" for name, value in env.items()), cwd]
    encoded = [text.encode(errors="surrogateescape") for text in strings]
    if any(b"\0" in text for text in encoded):
        raise ValueError("an argument holds a zero byte")
    text = b"".join(part + b"\0" for part in encoded)
    # The guest composes the strings anew, with a path of up to 1,024 bytes.
    if len(text) > ARGUMENTS_MAX - 2048:
        raise ValueError(f"arguments and environment have {len(text)} bytes, "
                         f"more than {ARGUMENTS_MAX - 2048}")
    for at in range(0, len(text), PAYLOAD_MAX):
        yield Frame(DATA, ARGUMENTS, number, at, text[at:at + PAYLOAD_MAX])
    flags = TRACE if trace else 0
    yield Frame(START, 0, number, control, struct.pack("<IIII", len(argv), len(env), len(text),
                                                       flags))


def exit_of(frame):
    """(status of wait(2), native error) of an EXIT frame."""
    status, error, _ = struct.unpack("<qiI", frame.payload)
    return status, error
