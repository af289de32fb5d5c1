# SPDX-License-Identifier: MIT
"""Writes a cpio archive as the Linux kernel takes it for its first file system ("newc").

See Documentation/driver-api/early-userspace/buffer-format.rst of Linux: a header of hexadecimal
numbers, the name, the content, each padded to 4 bytes; TRAILER!!! at the end.
"""

import os
import stat
from pathlib import Path


class Cpio:
    """An archive that grows in memory; directories above an entry are added by themselves."""

    def __init__(self):
        self._parts = []
        self._names = set()

    def _add(self, name, mode, content=b"", device=(0, 0)):
        inode = len(self._names) + 1
        encoded = name.encode() + b"\0"
        fields = (inode, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(encoded), 0)
        head = b"070701" + b"".join(b"%08x" % field for field in fields) + encoded
        self._parts += [head, bytes(-len(head) % 4), content, bytes(-len(content) % 4)]
        self._names.add(name)

    def _add_parents(self, name):
        parent = name.rpartition("/")[0]
        if parent and parent not in self._names:
            self.directory(parent)

    def directory(self, name, mode=0o755):
        self._add_parents(name)
        self._add(name, stat.S_IFDIR | mode)

    def file(self, name, content, mode=0o644):
        """content: bytes, or the path of a file of the host."""
        self._add_parents(name)
        self._add(name, stat.S_IFREG | mode,
                  content.read_bytes() if isinstance(content, Path) else content)

    def link(self, name, target):
        self._add_parents(name)
        self._add(name, stat.S_IFLNK | 0o777, target.encode())

    def collection(self, found):
        """Adds what a prunella.programs.Collection names: files of the host, and links."""
        for guest, target in found.links.items():
            self.link(guest, target)
        for guest, host in found.files.items():
            self.file(guest, Path(host), os.stat(host).st_mode & 0o7777)

    def console(self):
        """/dev/console, on which init's own messages come out."""
        self._add_parents("dev/console")
        self._add("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))

    def finish(self):
        """The bytes of the archive."""
        self._add("TRAILER!!!", 0)
        return b"".join(self._parts)
