# SPDX-License-Identifier: MIT
"""Damaged or hostile boot archives, boot tables and init programs: the kernel says so and powers
off; and what the packer takes for a program."""

import io
import os
import random
import struct
import tarfile

import mkarchive
import pytest
from prunella import paths

BLOCK = 512
DAMAGED_ARCHIVE = "boot: the boot archive is damaged"
DAMAGED_PROGRAM = "boot: sbin/init is damaged"
NO_INIT = "boot: no init in the boot archive: sbin/init"
NO_MEMORY = "boot: no memory for sbin/init"
PROGRAM_HEADERS = 64
TABLE = slice(BLOCK, BLOCK + mkarchive.TABLE_HEADER.size + mkarchive.PROGRAM_BYTES)


def init_program():
    """The bytes of sbin/init."""
    with tarfile.open(paths.boot_archive()) as archive:
        return bytearray(archive.extractfile("sbin/init").read())


def archive_of(program, name="sbin/init"):
    """A boot archive that holds one program."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        mkarchive.write_members(archive, [(tarfile.TarInfo(name), bytes(program))])
    return bytearray(out.getvalue())


def archive_with(change):
    """An archive whose table is right in itself, with `change` done to init's entry point and
    segments: the kernel has to look at the numbers."""
    content = archive_of(init_program())
    at = TABLE.start + mkarchive.TABLE_HEADER.size
    _, entry, count = mkarchive.PROGRAM.unpack_from(content, at)
    segments = [list(mkarchive.SEGMENT.unpack_from(
        content, at + mkarchive.PROGRAM.size + index * mkarchive.SEGMENT.size))
        for index in range(count)]
    content[TABLE] = mkarchive.make_table({"sbin/init": (entry, change(segments))})
    return content


def test_programs_begin_at_pages():
    """So their pages can be mapped where they lie; what others there are has no such place."""
    content = paths.boot_archive().read_bytes()
    with tarfile.open(paths.boot_archive()) as archive:
        members = archive.getmembers()
    programs = [member for member in members if member.isreg() and mkarchive.is_native(member.name)
                and mkarchive.read_program(content[member.offset_data:][:member.size])]
    assert len(programs) > 20
    assert not [member.name for member in programs if member.offset_data % mkarchive.PAGE_BYTES]
    padding = [member for member in members if member.name == mkarchive.PADDING_NAME]
    assert 0 < len(padding) <= len(programs)


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


def test_archive_ends_in_a_header(expect_refusal):
    expect_refusal(archive_of(init_program())[:BLOCK - 1], DAMAGED_ARCHIVE)


def test_archive_ends_in_the_table(expect_refusal):
    expect_refusal(archive_of(init_program())[:TABLE.stop - 1], DAMAGED_ARCHIVE)


def test_archive_ends_in_the_program(expect_refusal):
    expect_refusal(archive_of(init_program())[:20 * BLOCK], DAMAGED_PROGRAM)


@pytest.mark.parametrize("seed", range(4))
def test_table_has_a_wrong_byte(expect_refusal, seed):
    content = archive_of(init_program())
    place = random.Random(seed).randrange(TABLE.start, TABLE.stop)
    content[place] ^= 1 << seed
    expect_refusal(content, DAMAGED_ARCHIVE)


def test_table_is_larger_than_the_archive(expect_refusal):
    content = archive_of(init_program())
    magic, total, count = mkarchive.TABLE_HEADER.unpack_from(content, TABLE.start)
    more = (1 << 62) - count
    mkarchive.TABLE_HEADER.pack_into(content, TABLE.start, magic,
                                     (total + more) & mkarchive.WORD_MASK, count + more)
    expect_refusal(content, DAMAGED_ARCHIVE)


def test_init_is_not_there(expect_refusal):
    expect_refusal(archive_of(init_program(), "sbin/other"), NO_INIT)


def test_init_of_the_command_line_is_not_there(expect_refusal):
    expect_refusal(archive_of(init_program()), "boot: no init in the boot archive: bin/none",
                   append="init=bin/none")


def test_path_of_init_is_too_long(expect_refusal):
    path = "a" * 300
    guest_line = f"boot: no init in the boot archive: {path[:127]}"
    expect_refusal(archive_of(init_program()), guest_line, append=f"init={path}")


def test_init_is_text(expect_refusal):
    expect_refusal(archive_of(b"#!/bin/sh\necho hello\n" * 20), NO_INIT)


def changed(index, field, value):
    """A change of one number of one segment: address, offset, bytes in the archive and in memory,
    access."""
    def change(segments):
        segments[index][field] = value
        return segments

    return change


CHANGES = {
    "writable-text": (changed(0, 4, 7), DAMAGED_PROGRAM),
    "not-readable": (changed(0, 4, 1), DAMAGED_PROGRAM),
    "kernel-address": (changed(0, 0, 0xFFFFFFFF80000000), DAMAGED_PROGRAM),
    "null-address": (changed(0, 0, 0), DAMAGED_PROGRAM),
    "huge-memory": (changed(0, 3, 1 << 62), DAMAGED_PROGRAM),
    "no-memory": (changed(0, 3, 0), DAMAGED_PROGRAM),
    "past-the-archive": (changed(0, 1, 1 << 40), DAMAGED_PROGRAM),
    "past-all-numbers": (changed(0, 1, (1 << 64) - 1), DAMAGED_PROGRAM),
    "more-than-memory": (changed(-1, 2, 1 << 30), DAMAGED_PROGRAM),
    "overlap": (lambda segments: segments + segments[-1:], DAMAGED_PROGRAM),
    "more-memory-than-there-is": (changed(-1, 3, 1 << 43), NO_MEMORY),
}


@pytest.mark.parametrize("case", CHANGES)
def test_table_has_a_bad_segment(expect_refusal, case):
    change, line = CHANGES[case]
    expect_refusal(archive_with(change), line)


def test_table_has_too_many_segments(expect_refusal):
    content = archive_of(init_program())
    at = TABLE.start + mkarchive.TABLE_HEADER.size
    path, entry, count = mkarchive.PROGRAM.unpack_from(content, at)
    mkarchive.PROGRAM.pack_into(content, at, path, entry, count + 100)
    magic, total, programs = mkarchive.TABLE_HEADER.unpack_from(content, TABLE.start)
    mkarchive.TABLE_HEADER.pack_into(content, TABLE.start, magic,
                                     (total + 100) & mkarchive.WORD_MASK, programs)
    expect_refusal(content, DAMAGED_PROGRAM)


# What the packer takes for a program.

def test_packer_reads_init():
    entry, segments = mkarchive.read_program(bytes(init_program()))
    assert any(addr <= entry < addr + size and access & mkarchive.EXECUTE
               for addr, _, _, size, access in segments)


def test_packer_leaves_out_what_is_no_static_program():
    assert mkarchive.read_program(b"") is None
    assert mkarchive.read_program(b"#!/bin/sh\n" * 20) is None
    with open(os.path.realpath("/bin/true"), "rb") as program:
        assert mkarchive.read_program(program.read()) is None


# Offset in the first program header, format, value.
HEADERS = {
    "writable-text": (4, "<I", 7),
    "past-the-file": (8, "<Q", 1 << 40),
    "interpreter": (0, "<I", 3),
    "unreadable": (4, "<I", 1),
}


@pytest.mark.parametrize("case", HEADERS)
def test_packer_leaves_out_bad_segments(case):
    offset, layout, value = HEADERS[case]
    program = init_program()
    struct.pack_into(layout, program, PROGRAM_HEADERS + offset, value)
    assert mkarchive.read_program(bytes(program)) is None


def test_packer_survives_a_file_that_is_cut_off():
    program = bytes(init_program())
    for size in (1, 63, 64, 100, len(program) // 2, len(program) - 1):
        mkarchive.read_program(program[:size])
