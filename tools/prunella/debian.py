# SPDX-License-Identifier: MIT
"""Debian's own kernel, to compare with: what runs on Prunella must do the same there.

The cloud variant is taken, as it has the drivers of QEMU's machines built in and starts quickly.
The package is downloaded and unpacked below the output folder, not installed: it is not for this
host.
"""

import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from prunella import paths
from prunella.errors import Failure
from prunella.progress import heartbeat, say

META_PACKAGE = "linux-image-cloud-amd64"


def folder():
    """Where the kernel and what was learnt from it are kept."""
    place = paths.out_folder() / "debian"
    place.mkdir(parents=True, exist_ok=True)
    return place


def _run(words, remedy):
    """The output of a command; Failure when it fails."""
    result = subprocess.run(words, capture_output=True, text=True, errors="replace", check=False,
                            stdin=subprocess.DEVNULL)
    if result.returncode != 0:
        raise Failure(f"`{' '.join(map(str, words))}` failed:\n{result.stderr.strip()}", remedy)
    return result.stdout


def _package():
    """The name of the package that holds the kernel of now."""
    remedy = "refresh the lists of packages: apt-get update"
    depends = _run(["apt-cache", "depends", META_PACKAGE], remedy)
    names = re.findall(r"Depends: (linux-image-\d\S+)", depends)
    if not names:
        raise Failure(f"{META_PACKAGE} names no kernel", remedy)
    return names[0]


def _unpack(archive, target):
    """Puts the kernel of a package at `target`."""
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", archive],
                          stdout=subprocess.PIPE) as unpacking:
        with tarfile.open(fileobj=unpacking.stdout, mode="r|") as files:
            for member in files:
                if member.name.startswith("./boot/vmlinuz-"):
                    new = target.with_suffix(".new")
                    with open(new, "wb") as output:
                        shutil.copyfileobj(files.extractfile(member), output)
                    os.replace(new, target)
                    break
        # The rest of the package is of no interest.
        unpacking.kill()
    if not target.exists():
        raise Failure(f"{archive.name} holds no kernel")


def kernel(allowed=True):
    """The path of the kernel; it is downloaded when it is not there yet and that is allowed."""
    target = folder() / "vmlinuz"
    if target.exists():
        return target
    if not allowed:
        raise Failure(f"missing: Debian's kernel ({META_PACKAGE}) to compare with; --no-setup "
                      "forbids to download it", "run once without --no-setup")
    package = _package()
    say(f"setup: downloading {package} (Debian's kernel to compare with; it is not installed)")
    with tempfile.TemporaryDirectory(dir=folder()) as place, heartbeat("setup: apt-get download"):
        place = Path(place)
        result = subprocess.run(["apt-get", "download", package], cwd=place,
                                capture_output=True, text=True, check=False,
                                stdin=subprocess.DEVNULL)
        archives = list(place.glob("*.deb"))
        if result.returncode != 0 or not archives:
            raise Failure(f"`apt-get download {package}` failed:\n{result.stderr.strip()}",
                          "check the network and the apt sources, then try again")
        _unpack(archives[0], target)
    return target
