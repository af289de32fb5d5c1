# SPDX-License-Identifier: MIT
"""The frames by themselves: what is encoded comes out again, what is spoilt does not."""

import random

import pytest
from prunella import frames
from prunella.frames import Decoder, Frame

EXAMPLES = [
    Frame(frames.HELLO, payload=b"\1\0\0\0\0\x10\0\0"),
    Frame(frames.DATA, frames.STDIN, 7, 1 << 40, b"x" * frames.PAYLOAD_MAX),
    Frame(frames.DATA, frames.STDOUT, 0xFFFF, 0, bytes(range(256))),
    Frame(frames.EOF, frames.STDIN, 1, 12),
    Frame(frames.WINDOW, frames.STDERR, 3, (1 << 64) - 1),
]


def test_the_check_is_that_of_the_standard():
    # RFC 3720, appendix B.4.
    assert frames.crc32c(bytes(32)) == 0x8A9136AA
    assert frames.crc32c(b"\xff" * 32) == 0x62A8AB43
    assert frames.crc32c(bytes(range(32))) == 0x46DD794E
    assert frames.crc32c(b"123456789") == 0xE3069283


@pytest.mark.parametrize("size", (1, 7, 24, 1000, 1 << 20))
def test_frames_come_out_in_any_pieces(size):
    line = b"".join(frame.encode() for frame in EXAMPLES)
    decoder, found = Decoder(), []
    for at in range(0, len(line), size):
        found += decoder.feed(line[at:at + size])
    assert found == EXAMPLES
    assert decoder.spoilt == 0


def test_noise_between_frames_is_counted_and_skipped():
    noise = random.Random(5).randbytes(100)
    line = b"".join(noise + frame.encode() for frame in EXAMPLES) + noise
    decoder = Decoder()
    found = decoder.feed(line + bytes(24))
    assert found == EXAMPLES
    assert decoder.spoilt >= 100 * len(EXAMPLES)


@pytest.mark.parametrize("seed", range(8))
def test_a_wrong_bit_is_never_taken_for_a_frame(seed):
    choose = random.Random(seed)
    for frame in EXAMPLES:
        line = bytearray(frame.encode())
        line[choose.randrange(len(line))] ^= 1 << choose.randrange(8)
        decoder = Decoder()
        # A wrong length may make the decoder wait for more: what follows shows that it was none.
        found = decoder.feed(bytes(line) + bytes(2 * frames.PAYLOAD_MAX))
        assert found == []


def test_strings_of_a_program():
    found = list(frames.start_frames(3, 9, ["a", "b c", ""], {"X": "1"}, "/tmp", trace=True))
    assert [frame.type for frame in found] == [frames.DATA, frames.START]
    assert found[0].payload == b"a\0b c\0\0X=1\0/tmp\0"
    assert found[1].offset == 9 and found[1].run == 3
    assert found[1].payload == b"".join(n.to_bytes(4, "little") for n in (3, 1, 16, frames.TRACE))


def test_strings_that_do_not_go():
    with pytest.raises(ValueError):
        list(frames.start_frames(1, 1, ["a\0b"], {}, "/"))
    with pytest.raises(ValueError):
        list(frames.start_frames(1, 1, ["x" * frames.ARGUMENTS_MAX], {}, "/"))
