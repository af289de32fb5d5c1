# SPDX-License-Identifier: MIT
"""Damaged or hostile boot archives and init programs: the kernel says so and powers off."""

import io
import os
import random
import struct
import tarfile

import pytest
from prunella import paths

BLOCK = 512
DAMAGED_ARCHIVE = "boot: the boot archive is damaged"
DAMAGED_PROGRAM = "boot: sbin/init is damaged"
WRONG_PROGRAM = "boot: sbin/init is no static program for this machine"
PROGRAM_HEADERS = 64
PROGRAM_HEADER_BYTES = 56


def init_program():
    """The bytes of sbin/init."""
    with tarfile.open(paths.boot_archive()) as archive:
        return bytearray(archive.extractfile("sbin/init").read())


def archive_of(program, name="sbin/init"):
    """A boot archive that holds one program."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        info = tarfile.TarInfo(name)
        info.size = len(program)
        archive.addfile(info, io.BytesIO(program))
    return bytearray(out.getvalue())


@pytest.fixture
def expect_refusal(boot, tmp_path):
    """Boots with an archive and expects a line, and that the kernel then powers off."""
    def expect(content, line, append=""):
        path = tmp_path / "boot.tar"
        path.write_bytes(content)
        guest = boot(archive=path, append=append)
        guest.wait_off()
        assert line in guest.kernel_lines()

    return expect


def test_archive_is_noise(expect_refusal):
    expect_refusal(random.Random(1).randbytes(5 * BLOCK), DAMAGED_ARCHIVE)


def test_archive_is_cut_off(expect_refusal):
    whole = archive_of(init_program())
    expect_refusal(whole[:20 * BLOCK], DAMAGED_ARCHIVE)


def test_archive_ends_in_a_header(expect_refusal):
    expect_refusal(archive_of(init_program())[:BLOCK - 1], DAMAGED_ARCHIVE)


def test_archive_has_a_wrong_checksum(expect_refusal):
    content = archive_of(init_program())
    content[100] ^= 1
    expect_refusal(content, DAMAGED_ARCHIVE)


def test_init_is_not_there(expect_refusal):
    expect_refusal(archive_of(init_program(), "sbin/other"),
                   "boot: no init in the boot archive: sbin/init")


def test_init_of_the_command_line_is_not_there(expect_refusal):
    expect_refusal(archive_of(init_program()), "boot: no init in the boot archive: bin/none",
                   append="init=bin/none")


def test_path_of_init_is_too_long(expect_refusal):
    path = "a" * 300
    guest_line = f"boot: no init in the boot archive: {path[:127]}"
    expect_refusal(archive_of(init_program()), guest_line, append=f"init={path}")


def test_init_is_text(expect_refusal):
    expect_refusal(archive_of(b"#!/bin/sh\necho hello\n" * 20), DAMAGED_PROGRAM)


def test_init_is_empty(expect_refusal):
    expect_refusal(archive_of(b""), DAMAGED_PROGRAM)


def test_init_is_a_dynamic_program(expect_refusal):
    with open(os.path.realpath("/bin/true"), "rb") as program:
        expect_refusal(archive_of(program.read()), WRONG_PROGRAM)


# Offset in the first program header, format, value, what the kernel says.
HEADERS = {
    "writable-text": (4, "<I", 7, WRONG_PROGRAM),
    "kernel-address": (16, "<Q", 0xFFFFFFFF80000000, DAMAGED_PROGRAM),
    "null-address": (16, "<Q", 0, DAMAGED_PROGRAM),
    "huge-memory": (40, "<Q", 1 << 62, DAMAGED_PROGRAM),
    "past-the-file": (8, "<Q", 1 << 40, DAMAGED_PROGRAM),
    "interpreter": (0, "<I", 3, WRONG_PROGRAM),
}


@pytest.mark.parametrize("case", HEADERS)
def test_init_has_a_bad_segment(expect_refusal, case):
    offset, layout, value, line = HEADERS[case]
    program = init_program()
    struct.pack_into(layout, program, PROGRAM_HEADERS + offset, value)
    expect_refusal(archive_of(program), line)


def test_init_needs_more_memory_than_there_is(expect_refusal):
    program = init_program()
    # The last segment is the data: its memory may be larger than its file.
    count = struct.unpack_from("<H", program, 56)[0]
    header = PROGRAM_HEADERS + (count - 1) * PROGRAM_HEADER_BYTES
    struct.pack_into("<Q", program, header + 40, 1 << 43)
    expect_refusal(archive_of(program), "boot: no memory for sbin/init")
