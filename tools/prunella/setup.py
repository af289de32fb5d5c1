# SPDX-License-Identifier: MIT
"""Installs the Debian packages that a command needs and that are missing.

A package counts as present when what it is needed for is there (the program, the module, the file),
so tools that came in another way are good too. Nothing is installed without saying what and why,
and nothing at all with --no-setup.
"""

import importlib.util
import os
import pathlib
import shutil
import subprocess
from dataclasses import dataclass
from typing import Callable

from prunella.errors import Failure
from prunella.progress import heartbeat, say


@dataclass(frozen=True)
class Package:
    """A Debian package, what it is for, and how to see that it is there."""

    name: str
    reason: str
    is_present: Callable[[], bool]


def _program(name):
    return lambda: shutil.which(name) is not None


def _module(name):
    return lambda: importlib.util.find_spec(name) is not None


def _file(path):
    return lambda: pathlib.Path(path).exists()


def _clang_sanitizers():
    clang = shutil.which("clang")
    if clang is None:
        return False
    query = [clang, "-print-file-name=libclang_rt.asan-x86_64.a"]
    answer = subprocess.run(query, capture_output=True, text=True, check=False).stdout.strip()
    # clang answers the bare name when it has no such file; the folder is lib/linux without a suffix
    # for the architecture in Debian, which this query does know.
    return os.path.isabs(answer) and os.path.exists(answer)


PACKAGES = {
    package.name: package
    for package in (
        Package("gcc", "compiles the system", _program("gcc")),
        Package("make", "runs the build", _program("make")),
        Package("binutils", "links the system", _program("ld")),
        Package("ccache", "makes repeated builds fast", _program("ccache")),
        Package("qemu-system-x86", "runs the guest", _program("qemu-system-x86_64")),
        Package("gdb", "is the debugger", _program("gdb")),
        Package("clang", "compiles the system a second time", _program("clang")),
        Package("lld", "links what clang compiles for firmware", _program("ld.lld")),
        Package("clang-format", "checks the layout of the sources", _program("clang-format")),
        Package("libclang-rt-14-dev", "has clang's sanitizers for unit tests", _clang_sanitizers),
        Package("libc6-dev", "has the C library for unit tests on the host",
                _file("/usr/include/stdio.h")),
        Package("python3-pytest", "runs the system tests", _module("pytest")),
        Package("python3-pexpect", "talks to the guest in system tests", _module("pexpect")),
        Package("musl-tools", "compiles Linux test programs with musl", _program("musl-gcc")),
        Package("libklibc-dev", "compiles Linux test programs with klibc", _program("klcc")),
        Package("busybox-static", "is a Linux program to test, and the shell of the guest",
                _file("/bin/busybox")),
        Package("bash-static", "is a Linux program to test", _file("/bin/bash-static")),
        Package("mksh", "is a Linux program to test, with klibc and musl",
                _file("/usr/lib/x86_64-linux-musl/bin/mksh")),
        Package("mawk", "is a Linux program to test", _file("/usr/bin/mawk")),
        Package("bzip2", "is a Linux program to test", _file("/bin/bzip2")),
        Package("xz-utils", "is a Linux program to test", _file("/usr/bin/xz")),
        Package("sqlite3", "is a Linux program to test", _file("/usr/bin/sqlite3")),
        Package("tcc", "is a Linux program to measure", _file("/usr/bin/tcc")),
        Package("musl-dev", "has headers for it", _file("/usr/include/x86_64-linux-musl/stdio.h")),
        Package("git", "is a Linux program to test", _file("/usr/bin/git")),
        Package("python3.11", "is a Linux program to test", _file("/usr/bin/python3.11")),
    )
}

# busybox is a part of the image.
BUILD = ("gcc", "make", "binutils", "busybox-static")
RUN = BUILD + ("qemu-system-x86",)
DEBUG = RUN + ("gdb",)
BENCH = RUN + ("musl-tools", "sqlite3", "tcc", "musl-dev")
TEST = RUN + ("ccache", "libc6-dev", "clang", "lld", "clang-format", "libclang-rt-14-dev",
              "python3-pytest", "python3-pexpect")
# Programs that run on Linux and on Prunella, and what compiles ours.
LINUX = ("musl-tools", "libklibc-dev", "busybox-static", "bash-static", "mksh",
         "mawk", "bzip2", "xz-utils", "sqlite3", "git", "python3.11")
TEST += LINUX


def missing(names):
    """The packages of `names` that are not there."""
    return [PACKAGES[name] for name in names if not PACKAGES[name].is_present()]


def ensure(names, allowed=True):
    """Installs what is missing of `names`. Failure when it can't be done, or is not allowed."""
    absent = missing(names)
    if not absent:
        return
    words = " ".join(package.name for package in absent)
    by_hand = f"install it yourself: apt-get install {words}"
    listing = ", ".join(f"{package.name} ({package.reason})" for package in absent)
    if not allowed:
        raise Failure(f"missing: {listing}; --no-setup forbids to install", by_hand)
    if shutil.which("apt-get") is None:
        raise Failure(f"missing: {listing}; there is no apt-get here to install it",
                      "install the programs in this system's way; Debian 12 is what is tested")
    say(f"setup: installing {listing}")
    _install(_as_root(by_hand), [package.name for package in absent])
    importlib.invalidate_caches()
    absent = missing(names)
    if absent:
        words = " ".join(package.name for package in absent)
        raise Failure(f"apt-get installed {words}, but what it is needed for is still not there",
                      "is another directory first in PATH, or the package of another release?")


def _as_root(remedy):
    """The words before a command that make it run as root."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") is None:
        raise Failure("installing packages needs root, and there is no sudo", remedy)
    return ["sudo"]


def _install(prefix, names):
    """apt-get install, with a refresh of the lists first when they are missing or too old."""
    lists = pathlib.Path("/var/lib/apt/lists")
    fresh = not any(lists.glob("*_Packages*"))
    if fresh:
        _apt(prefix, ["update"])
    install = ["install", "--yes", "--no-install-recommends", *names]
    try:
        _apt(prefix, install)
    except Failure:
        if fresh:
            raise
        say("setup: that failed; once more after apt-get update")
        _apt(prefix, ["update"])
        _apt(prefix, install)


def _apt(prefix, words):
    """One run of apt-get, silent unless it fails."""
    command = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-o",
               "DPkg::Lock::Timeout=300", *words]
    with heartbeat(f"setup: apt-get {words[0]}"):
        result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    if result.returncode != 0:
        tail = "\n".join(result.stdout.splitlines()[-15:])
        raise Failure(f"`{' '.join(command)}` failed with status {result.returncode}:\n{tail}",
                      "check the network and the apt sources, then try again")
