# SPDX-License-Identifier: MIT
"""Boot archives with more in them.

Files and folders of the host (`--put`), programs with their libraries (`--with`), services of
tests.
"""

import os
import shutil
import tarfile
from pathlib import Path

from prunella import paths
from prunella.errors import UsageError


def parse_pair(text):
    """(first, second or None) of FIRST[:SECOND]."""
    first, colon, second = text.partition(":")
    if not first or (colon and not second):
        raise UsageError(f"{text!r} does not name a file", "write HOST or HOST:GUEST")
    return first, second or None


def parse_put(text):
    """(host path, guest path) of HOST[:GUEST]; UsageError when there is no such file."""
    host, guest = parse_pair(text)
    host = Path(host)
    if not host.is_symlink() and not host.exists():
        raise UsageError(f"{host}: no such file")
    guest = guest or "/" + host.resolve().name
    parts = [part for part in guest.split("/") if part not in ("", ".")]
    if ".." in parts or not parts:
        raise UsageError(f"{guest} is no place in the guest", "give a path without `..`")
    if guest.endswith("/"):
        parts.append(host.resolve().name)
    return host, "/".join(parts)


def _as_root(info):
    """Who owns it on the host means nothing in the guest."""
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    if not (info.isreg() or info.isdir() or info.issym() or info.islnk()):
        raise UsageError(f"{info.name}: can't put a {_kind(info)} into the guest")
    return info


def _kind(info):
    return "FIFO" if info.isfifo() else "device" if info.isdev() else "special file"


def _parents(tar, guest, have):
    """Folders that the archive does not have yet."""
    parts = guest.split("/")[:-1]
    for end in range(1, len(parts) + 1):
        name = "/".join(parts[:end])
        if name not in have:
            have.add(name)
            info = tarfile.TarInfo(name)
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(info)


# tmpfsd makes the part of the archive below it the tree of Linux programs.
GUEST_ROOT = "root/"


def guest_tree(archive):
    """{guest path: target of a symbolic link, None for all else} of what an archive has."""
    with tarfile.open(archive) as tar:
        return {member.name.removeprefix(GUEST_ROOT): member.linkname if member.issym() else None
                for member in tar.getmembers() if member.name.startswith(GUEST_ROOT)}


def _add_programs(tar, programs, have):
    """The links first: files lie below some of them."""
    for guest, target in programs.links.items():
        guest = GUEST_ROOT + guest
        _parents(tar, guest, have)
        info = tarfile.TarInfo(guest)
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, target, 0o777
        have.add(guest)
        tar.addfile(info)
    for guest in programs.folders:
        _parents(tar, GUEST_ROOT + guest + "/", have)
    for guest, host in programs.files.items():
        _parents(tar, GUEST_ROOT + guest, have)
        tar.add(host, GUEST_ROOT + guest, filter=_as_root)


def compose(out, puts=(), texts=(), base=None, programs=None):
    """Writes the boot archive with more in it to `out`.

    puts: (host path, guest path) of files and trees; modes, times, symbolic and hard links are
    kept. texts: (guest path, bytes). programs: a prunella.programs.Collection for the tree of this
    archive. UsageError: something can't be put.
    """
    shutil.copyfile(base or paths.boot_archive(), out)
    try:
        with tarfile.open(out, "a", format=tarfile.USTAR_FORMAT) as tar:
            have = set(tar.getnames())
            if programs is not None:
                _add_programs(tar, programs, have)
            for host, guest in puts:
                guest = GUEST_ROOT + guest
                _parents(tar, guest, have)
                # A symbolic link that is named itself stands for its target.
                host = host.resolve() if host.is_symlink() else host
                tar.add(host, guest, filter=_as_root)
            for guest, data in texts:
                _parents(tar, guest, have)
                info = tarfile.TarInfo(guest)
                info.size, info.mode = len(data), 0o644
                tar.addfile(info, _reader(data))
    except (OSError, ValueError) as error:
        raise UsageError(f"can't put it into the guest: {error}") from None
    return out


def _reader(data):
    import io
    return io.BytesIO(data)


def service(path):
    """(guest path, bytes) of a manifest, for compose()."""
    path = Path(path)
    return f"etc/services/{path.name}", path.read_bytes()


def execd_service():
    """That of execd."""
    return service(paths.ROOT / "image/services/execd.svc")


def remove(path):
    if path and os.path.exists(path):
        os.unlink(path)
