#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Packs the boot archive: a plain ustar file, the same bytes for the same content.

The list has one entry a line; `#` starts a comment. Paths in the guest have no leading slash.

    sbin/init    @/bin/init    0755    a file of the build folder (programs: the stripped copy)
    etc/motd     image/motd    0644    a file of the repository
    var/log/     -             0755    a directory (trailing slash); parents are made as 0755
    bin/sh       -> busybox            a symbolic link

`@/x` is looked for in each --build folder in turn. Entries are sorted, owned by root, dated
SOURCE_DATE_EPOCH or 0. With --depfile a makefile is written that names every file which went in.
"""

import argparse
import io
import os
import sys
import tarfile


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
    if source == "->":
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, last, 0o777
        return path, info, None
    info.mode = parse_mode(last)
    if guest.endswith("/"):
        info.type = tarfile.DIRTYPE
        return path, info, None
    host = find_source(source, builds)
    if not os.path.isfile(host):
        raise ListError(f"{host} does not exist or is no file")
    info.size = os.path.getsize(host)
    return path, info, host


def read_list(path, builds, entries):
    """Adds the entries of one list file."""
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            fields = line.split("#", 1)[0].split()
            if not fields:
                continue
            try:
                guest, info, host = parse_line(fields, builds)
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


def write_archive(out, entries):
    """The archive, written beside its place and then moved there."""
    date = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    temporary = f"{out}.new"
    with tarfile.open(temporary, "w", format=tarfile.USTAR_FORMAT) as archive:
        for guest in sorted(entries):
            info, host = entries[guest]
            info.mtime, info.uname, info.gname = date, "root", "root"
            content = b""
            if host:
                with open(host, "rb") as source:
                    content = source.read()
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    os.replace(temporary, out)


def main():
    parser = argparse.ArgumentParser(description="pack the boot archive")
    parser.add_argument("--build", action="append", default=[], help="folder of @/ sources")
    parser.add_argument("--out", required=True)
    parser.add_argument("--depfile")
    parser.add_argument("lists", nargs="*")
    options = parser.parse_args()
    entries = {}
    for path in options.lists:
        read_list(path, options.build, entries)
    add_parents(entries)
    write_archive(options.out, entries)
    if options.depfile:
        hosts = sorted({host for _, host in entries.values() if host})
        with open(options.depfile, "w", encoding="utf-8") as depfile:
            depfile.write(f"{options.out}: {' '.join(hosts)}\n")
            depfile.writelines(f"{host}:\n" for host in hosts)


if __name__ == "__main__":
    main()
