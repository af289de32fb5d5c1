# SPDX-License-Identifier: MIT
"""Files out of the guest (`--get`): the guest's own tar packs them, we unpack."""

import io
import os
import tarfile
from pathlib import Path

from prunella.bootfiles import parse_pair
from prunella.errors import Failure, UsageError

# Any tar in the guest will do; that of busybox is part of the image.
PACKERS = (["tar"], ["busybox", "tar"])
NOT_FOUND, BROKEN = 127, 125


def parse_get(text):
    """(guest path, host path) of GUEST[:HOST]; UsageError when it can't be written there."""
    guest, host = parse_pair(text)
    name = guest.rstrip("/").rsplit("/", 1)[-1]
    if not guest.startswith("/") or name in ("", ".", ".."):
        raise UsageError(f"{guest} does not name a file in the guest", "give an absolute path")
    target = Path(host or name)
    if host and (host.endswith("/") or target.is_dir()):
        target = target / name
    if not target.parent.is_dir() or not os.access(target.parent, os.W_OK):
        raise UsageError(f"{target}: its folder can't be written to")
    return guest.rstrip("/"), target


def _pack(guest, where):
    folder, name = where.rsplit("/", 1)
    for packer in PACKERS:
        try:
            return guest.run([*packer, "-c", "-f", "-", "-C", folder or "/", name],
                             env={"PATH": "/bin:/usr/bin:/sbin:/usr/sbin"})
        except Failure as failure:
            if failure.status != NOT_FOUND:
                raise
    raise Failure(f"can't get {where}: the guest has no tar", status=BROKEN)


def unpack(data, name, target):
    """Unpacks an archive whose root is `name` as `target`. OSError, tarfile.TarError."""
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for member in tar.getmembers():
            inside = os.path.relpath(member.name, name)
            if inside.startswith("..") or os.path.isabs(member.name):
                raise tarfile.TarError(f"{member.name} lies outside of {name}")
            member.name = str(target if inside == "." else target / inside)
            if member.islnk():
                linked = os.path.relpath(member.linkname, name)
                member.linkname = str(target if linked == "." else target / linked)
            member.uid, member.gid = os.getuid(), os.getgid()
            member.uname = member.gname = ""
            _extract(tar, member, target)
        # What was put into a folder has changed its times, and its mode may forbid it.
        for member in reversed(tar.getmembers()):
            if member.isdir():
                os.chmod(member.name, member.mode)
                os.utime(member.name, (member.mtime, member.mtime))


def _extract(tar, member, target):
    # A link in the tree must not lead what comes after it out of the tree.
    folder = os.path.realpath(os.path.dirname(member.name) or ".")
    root = os.path.realpath(target.parent)
    if folder != root and not folder.startswith(os.path.realpath(target)):
        raise tarfile.TarError(f"{member.name} lies behind a link")
    # Links are replaced, not followed: one of the same name may be there from before.
    if not member.isdir() and os.path.lexists(member.name):
        os.unlink(member.name)
    if member.isdir():
        os.makedirs(member.name, exist_ok=True)
    elif member.islnk():
        os.link(member.linkname, member.name)
    else:
        tar.extract(member, path="/" if os.path.isabs(member.name) else ".")


def fetch(guest, where, target):
    """Gets a file or tree. Failure when it is not there or can't be written."""
    result = _pack(guest, where)
    if result.status != 0:
        text = result.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise Failure(f"can't get {where}: {' '.join(text)}", status=BROKEN)
    try:
        unpack(result.stdout, where.rsplit("/", 1)[-1], target)
    except (OSError, tarfile.TarError) as error:
        raise Failure(f"can't write {target}: {error}", status=BROKEN) from None
