# SPDX-License-Identifier: MIT
"""Runs GNU make at the root of the tree, one build at a time in an output folder."""

import contextlib
import fcntl
import os
import subprocess

from prunella import paths
from prunella.errors import Failure
from prunella.progress import heartbeat


@contextlib.contextmanager
def _lock(folder):
    """Two builds in one folder would write the same files. Says so when it waits for long."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with heartbeat(f"waiting for another build in {paths.shown(folder)}"):
                fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def command(targets=(), out=None, compiler=None, verbose=False, debug=True):
    """The words of the call."""
    out = out or paths.out_folder()
    inside = out.is_relative_to(paths.ROOT)
    words = ["make", "-C", str(paths.ROOT), f"-j{os.cpu_count() or 1}", "--output-sync=target"]
    words += ["V=1"] if verbose else ["--silent"]
    words.append(f"O={out.relative_to(paths.ROOT) if inside else out}")
    if compiler:
        words.append(f"CC={compiler}")
    if not debug:
        words.append("DEBUG=0")
    return [*words, *targets]


def _environment():
    """Without what an outer make would hand down."""
    inherited = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES")
    return {name: value for name, value in os.environ.items() if name not in inherited}


def build(targets=(), out=None, compiler=None, verbose=False, debug=True, stdout=None):
    """Builds; make's own output goes through, or to `stdout`. Failure when it fails."""
    with _lock(out or paths.out_folder()), heartbeat("building"):
        result = subprocess.run(command(targets, out, compiler, verbose, debug),
                                check=False, env=_environment(), stdin=subprocess.DEVNULL,
                                stdout=stdout)
    if result.returncode != 0:
        raise Failure("the build failed (its errors are above)", "correct them and try again")


def require_kernel():
    """Failure when the tree has no kernel to boot (the build skips what has no sources)."""
    if not paths.kernel().exists():
        raise Failure(f"the build made no {paths.shown(paths.kernel())}",
                      f"is kernel/arch/{paths.ARCH}/kernel.ld.S there?")


def build_captured(targets=(), out=None, compiler=None):
    """Builds; returns (succeeded, what make and the compilers said)."""
    with _lock(out or paths.out_folder()), heartbeat("building"):
        result = subprocess.run(command(targets, out, compiler), check=False, text=True,
                                errors="replace", env=_environment(), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return result.returncode == 0, result.stdout
