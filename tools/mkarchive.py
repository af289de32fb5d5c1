#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Packs the boot archive: a plain ustar file, the same bytes for the same content.

The list has one entry a line; `#` starts a comment. Paths in the guest have no leading slash.

    sbin/init    @/bin/init    0755    a file of the build folder (programs: the stripped copy)
    etc/motd     image/motd    0644    a file of the repository
    var/log/     -             0755    a directory (trailing slash); parents are made as 0755
    bin/sh       -> busybox            a symbolic link
    bin/x        => root/bin/y         another name of a file of the archive, by its whole path
    dev/null     c:1:3         0666    a character device (b: a block device)
    bin/{a,b}    -> busybox            several entries that are alike

The paths of lists that are given with --under get a prefix: root/ is what tmpfsd makes its tree of.
`@/x` is looked for in each --build folder in turn. Entries are sorted, owned by root, dated
SOURCE_DATE_EPOCH or 0. With --depfile a makefile is written that names every file which went in.

The first file is boot/table: for each native program of the archive, which bytes of the archive go
where in memory (abi/include/abi/boot_table.h). These programs begin at pages of the archive, behind
files boot/padding, so that what they do not write runs where it lies.
"""

import argparse
import io
import os
import re
import struct
import sys
import tarfile

BLOCK_BYTES = tarfile.BLOCKSIZE
DEVICE = re.compile(r"([bc]):(\d+):(\d+)")
LINKS = {"->": tarfile.SYMTYPE, "=>": tarfile.LNKTYPE}
LINUX_FOLDER = "root/"
TABLE_NAME = "boot/table"
PADDING_NAME = "boot/padding"
PAGE_BYTES = 4096
TABLE_MAGIC = b"BOOTTABL"
TABLE_HEADER = struct.Struct("<8sQQ")
PROGRAM = struct.Struct("<128sQQ")
SEGMENT = struct.Struct("<5Q")
SEGMENTS_MAX = 8
PROGRAM_BYTES = PROGRAM.size + SEGMENTS_MAX * SEGMENT.size
WORD_MASK = (1 << 64) - 1

# ELF64 (System V ABI): the header from the magic on, and a program header.
ELF_HEADER = struct.Struct("<4sBBB9xHHIQQQIHHHHHH")
ELF_SEGMENT = struct.Struct("<IIQQQQQQ")
ELF_IDENT = (b"\x7fELF", 2, 1, 1)        # 64 bits, little-endian, version 1
ELF_STATIC_X86_64 = (2, 62)
LOAD, FOREIGN = 1, (2, 3, 7)             # dynamic, interpreter, thread-local storage
EXECUTE, WRITE, READ = 1, 2, 4


class ListError(Exception):
    """A line of the list that makes no sense, or names what does not exist."""


def find_source(name, builds):
    """The host path of a source of the list."""
    if not name.startswith("@/"):
        return name
    candidates = [os.path.join(folder, name[2:]) for folder in builds]
    for path in candidates:
        if os.path.exists(path):
            return path
    raise ListError(f"{name} is in none of {', '.join(builds)}: is its folder missing?")


def parse_mode(text):
    """The permission bits of an octal number."""
    try:
        mode = int(text, 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o7777:
        raise ListError(f"{text} is not a mode: an octal number such as 0755 is expected")
    return mode


def parse_line(fields, builds):
    """One entry: (guest path, TarInfo, host path or None)."""
    if len(fields) != 3:
        raise ListError(f"{len(fields)} fields, but three are expected: path, source, mode")
    guest, source, last = fields
    path = guest.rstrip("/")
    if guest.startswith("/") or ".." in path.split("/") or not path:
        raise ListError(f"{guest} is not a path in the archive: no leading slash, no ..")
    info = tarfile.TarInfo(path)
    if source in LINKS:
        info.type, info.linkname, info.mode = LINKS[source], last, 0o777
        return path, info, None
    info.mode = parse_mode(last)
    device = DEVICE.fullmatch(source)
    if device:
        info.type = tarfile.CHRTYPE if device[1] == "c" else tarfile.BLKTYPE
        info.devmajor, info.devminor = int(device[2]), int(device[3])
        return path, info, None
    if guest.endswith("/"):
        info.type = tarfile.DIRTYPE
        return path, info, None
    host = find_source(source, builds)
    if not os.path.isfile(host):
        raise ListError(f"{host} does not exist or is no file")
    info.size = os.path.getsize(host)
    return path, info, host


def expand(fields):
    """The entries that a line with {a,b} in its first field stands for, as lists of fields."""
    before, brace, rest = fields[0].partition("{")
    names, _, after = rest.partition("}")
    return [[before + name + after, *fields[1:]] for name in names.split(",")] if brace \
        else [fields]


def read_list(path, builds, entries, prefix=""):
    """Adds the entries of one list file."""
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            fields = line.split("#", 1)[0].split()
            if not fields:
                continue
            for entry in expand(fields):
                entry[0] = prefix + entry[0]
                try:
                    guest, info, host = parse_line(entry, builds)
                    if guest in entries:
                        raise ListError(f"{guest} appears twice")
                except ListError as error:
                    sys.exit(f"{path}:{number}: {error}")
                entries[guest] = (info, host)


def add_parents(entries):
    """Makes the directories that entries lie in."""
    for guest in list(entries):
        parent = os.path.dirname(guest)
        while parent and parent not in entries:
            info = tarfile.TarInfo(parent)
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            entries[parent] = (info, None)
            parent = os.path.dirname(parent)


def read_program(content):
    """(entry, segments) of a static program for this machine, a segment being (address, offset in
    the file, bytes in the file, bytes in memory, access); None for any other content."""
    if len(content) < ELF_HEADER.size:
        return None
    header = ELF_HEADER.unpack_from(content)
    entry, table, size, count = header[7], header[8], header[12], header[13]
    if (header[:4] != ELF_IDENT or header[4:6] != ELF_STATIC_X86_64 or size != ELF_SEGMENT.size
            or table + size * count > len(content)):
        return None
    segments = []
    for index in range(count):
        kind, access, offset, addr, _, file_bytes, memory_bytes, _ = ELF_SEGMENT.unpack_from(
            content, table + index * size)
        if kind in FOREIGN:
            return None
        if kind != LOAD or memory_bytes == 0:
            continue
        both = WRITE | EXECUTE
        if offset + file_bytes > len(content) or not access & READ or access & both == both:
            return None
        segments.append((addr, offset, file_bytes, memory_bytes, access))
    return (entry, segments) if 0 < len(segments) <= SEGMENTS_MAX else None


def make_table(programs):
    """The content of boot/table, from {path: (entry, segments)} with offsets in the archive."""
    body = b""
    for path, (entry, segments) in sorted(programs.items()):
        body += PROGRAM.pack(path.encode(), entry, len(segments))
        body += b"".join(SEGMENT.pack(*segment) for segment in segments)
        body += bytes(SEGMENT.size * (SEGMENTS_MAX - len(segments)))
    words = struct.unpack(f"<{len(body) // 8}Q", body)
    total = int.from_bytes(TABLE_MAGIC, "little") + len(programs) + sum(words)
    return TABLE_HEADER.pack(TABLE_MAGIC, total & WORD_MASK, len(programs)) + body


def padded(size):
    """The bytes that so much content takes up in an archive."""
    return (size + BLOCK_BYTES - 1) // BLOCK_BYTES * BLOCK_BYTES


def is_native(name):
    """Whether a file may be a program that the kernel or init starts."""
    return len(name) < 128 and not name.startswith(LINUX_FOLDER)


def own_file(name, date):
    """A file that this program makes itself."""
    info = tarfile.TarInfo(name)
    info.mode, info.mtime, info.uname, info.gname = 0o444, date, "root", "root"
    return info


def write_members(archive, members):
    """Writes [(TarInfo, content)] behind a boot table of the programs among them."""
    found = [read_program(content) if info.isreg() and is_native(info.name) else None
             for info, content in members]
    date = members[0][0].mtime if members else 0
    at = BLOCK_BYTES + padded(TABLE_HEADER.size + PROGRAM_BYTES * sum(map(bool, found)))
    programs, out = {}, []
    for (info, content), program in zip(members, found):
        gap = -(at + BLOCK_BYTES) % PAGE_BYTES
        if program and gap:
            out.append((own_file(PADDING_NAME, date), bytes(gap - BLOCK_BYTES)))
            at += gap
        at += BLOCK_BYTES
        if program:
            entry, segments = program
            programs[info.name] = (entry, [(addr, at + offset, *rest)
                                           for addr, offset, *rest in segments])
        out.append((info, content))
        at += padded(len(content))
    for info, content in [(own_file(TABLE_NAME, date), make_table(programs)), *out]:
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))


def write_archive(out, entries):
    """The archive, written beside its place and then moved there."""
    date = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    temporary = f"{out}.new"
    members = []
    # A hard link comes after what it names.
    for guest in sorted(entries, key=lambda path: (entries[path][0].islnk(), path)):
        info, host = entries[guest]
        info.mtime, info.uname, info.gname = date, "root", "root"
        content = b""
        if host:
            with open(host, "rb") as source:
                content = source.read()
        members.append((info, content))
    with tarfile.open(temporary, "w", format=tarfile.USTAR_FORMAT) as archive:
        write_members(archive, members)
    os.replace(temporary, out)


def main():
    parser = argparse.ArgumentParser(description="pack the boot archive")
    parser.add_argument("--build", action="append", default=[], help="folder of @/ sources")
    parser.add_argument("--out", required=True)
    parser.add_argument("--depfile")
    parser.add_argument("--prefix", default="", help="of the paths of --under lists")
    parser.add_argument("--under", action="append", default=[], metavar="LIST",
                        help="a list whose paths get the prefix")
    parser.add_argument("lists", nargs="*")
    options = parser.parse_args()
    entries = {}
    for path in options.lists:
        read_list(path, options.build, entries)
    for path in options.under:
        read_list(path, options.build, entries, options.prefix)
    add_parents(entries)
    write_archive(options.out, entries)
    if options.depfile:
        hosts = sorted({host for _, host in entries.values() if host})
        with open(options.depfile, "w", encoding="utf-8") as depfile:
            depfile.write(f"{options.out}: {' '.join(hosts)}\n")
            depfile.writelines(f"{host}:\n" for host in hosts)


if __name__ == "__main__":
    main()
