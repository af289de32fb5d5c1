# SPDX-License-Identifier: MIT
"""Debian's own kernel, to compare with: what runs on Prunella must do the same there.

Also sources of Debian packages, for what compiles them in the guest.

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
        _unpack(_download(Path(place), "*.deb", ["download", package]), target)
    return target


def _download(place, pattern, words):
    """Lets apt-get fetch into a folder; returns the one file of this pattern. Failure."""
    result = subprocess.run(["apt-get", *words], cwd=place, capture_output=True, text=True,
                            check=False, stdin=subprocess.DEVNULL)
    found = list(place.glob(pattern))
    if result.returncode != 0 or not found:
        raise Failure(f"`apt-get {' '.join(words)}` failed:\n{result.stderr.strip()}",
                      "check the network and the apt sources, then try again")
    return found[0]


def source(package, allowed=True):
    """The folder of a package's source as its authors gave it out; fetched when it is not there.

    The lists of sources, which a host need not have, are kept apart from those of the host. What
    apt-get fetches it has checked against the signed lists.
    """
    target = folder() / f"{package}-source"
    if target.exists():
        return target
    if not allowed:
        raise Failure(f"missing: the source of {package}, which is compiled in the guest; "
                      "--no-setup forbids to download it", "run once without --no-setup")
    say(f"setup: downloading the source of {package} (it is compiled in the guest)")
    with tempfile.TemporaryDirectory(dir=folder()) as place, heartbeat("setup: apt-get source"):
        place = Path(place)
        (place / "lists/partial").mkdir(parents=True)
        (place / "unpacked").mkdir()
        wanted = "deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)"
        lines = _run(["apt-get", "indextargets", "--format", wanted, "Created-By: Packages"],
                     "refresh the lists of packages: apt-get update").splitlines()
        (place / "sources.list").write_text("\n".join(sorted(set(lines))) + "\n",
                                            encoding="utf-8")
        own = ["-o", f"Dir::Etc::SourceList={place}/sources.list", "-o",
               "Dir::Etc::SourceParts=/dev/null", "-o", f"Dir::State::Lists={place}/lists"]
        _run(["apt-get", *own, "update"], "check the network and the apt sources")
        archive = _download(place, "*.orig.tar.*", [*own, "source", "--download-only", package])
        with tarfile.open(archive) as files:
            files.extractall(place / "unpacked")
        os.replace(place / "unpacked", target)
    return target
