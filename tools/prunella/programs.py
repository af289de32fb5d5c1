# SPDX-License-Identifier: MIT
"""Programs of the host with all that they need, for the guest (`--with`, `--with-package`).

A dynamic program runs only where its ELF interpreter and its shared libraries are, at the paths at
which they are looked for. Which these are its headers say; readelf prints them, and nothing is
executed. Libraries are sought as ld.so(8) does: RUNPATH (or RPATH), /etc/ld.so.cache, the default
folders; the cache goes along, so that ld.so finds in the guest what was found here. A script brings
the interpreter of its first line.

Symbolic links on the way to a file become links of the guest, unless the guest has a folder or a
link there itself: /bin is one in the guest and leads to another folder in Debian, and a file of
either goes to where the guest's own links lead. What is named replaces what the guest has; what is
only needed does not, so a script for /bin/sh is run by the guest's shell.
"""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from functools import cache

from prunella import bootfiles, paths
from prunella.errors import UsageError

GUEST_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CACHE = "/etc/ld.so.cache"
DEFAULT_FOLDERS = ("/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib", "/usr/lib",
                   "/lib64", "/usr/lib64")
LINKS_MAX = 40
# Parts of packages that no program needs.
LEFT_OUT = ("/usr/share/doc/", "/usr/share/man/", "/usr/share/info/", "/usr/share/lintian/",
            "/usr/share/locale/")
_INTERPRETER = re.compile(r"Requesting program interpreter: (.*)\]")
_DYNAMIC = re.compile(r"\((NEEDED|RPATH|RUNPATH)\).*\[(.*)\]")
_CACHED = re.compile(r"\t(\S+) \(libc6,x86-64[^)]*\) => (\S+)")


@dataclass
class Elf:
    """What a dynamic ELF file says that it needs."""

    interpreter: str | None = None
    needed: list = field(default_factory=list)
    folders: list = field(default_factory=list)     # RUNPATH, else RPATH


def _run(words, what):
    """The output of a program of the host; UsageError when it fails."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, errors="replace", check=False,
                              env={**os.environ, "LC_ALL": "C"})
    except OSError as error:
        raise UsageError(f"{what}: {error}") from None
    if done.returncode != 0:
        raise UsageError(f"{what}: {(done.stderr or done.stdout).strip().splitlines()[0]}")
    return done.stdout


def read_elf(path):
    """The Elf of a file that begins like one."""
    text = _run(["readelf", "--wide", "--program-headers", "--dynamic", path], path)
    found = Elf()
    match = _INTERPRETER.search(text)
    found.interpreter = match[1] if match else None
    folders = {}
    for tag, value in _DYNAMIC.findall(text):
        if tag == "NEEDED":
            found.needed.append(value)
        else:
            folders[tag] = value
    words = folders.get("RUNPATH", folders.get("RPATH", ""))
    origin = os.path.dirname(os.path.realpath(path))
    found.folders = [re.sub(r"\$(ORIGIN|\{ORIGIN\})", lambda _: origin, word)
                     for word in words.split(":") if word]
    return found


@cache
def _cached_libraries():
    """{name: path} of /etc/ld.so.cache, for this architecture."""
    if not os.path.exists(CACHE):
        return {}
    ldconfig = shutil.which("ldconfig") or "/sbin/ldconfig"
    libraries = {}
    for name, path in _CACHED.findall(_run([ldconfig, "-p"], CACHE)):
        libraries.setdefault(name, path)
    return libraries


def find_library(name, folders):
    """Where ld.so finds a library, the folders of its user first; None when nowhere."""
    candidates = [os.path.join(folder, name) for folder in folders]
    candidates.append(_cached_libraries().get(name, ""))
    candidates += [os.path.join(folder, name) for folder in DEFAULT_FOLDERS]
    return next((os.path.abspath(path) for path in candidates if os.path.isfile(path)), None)


def _script_needs(line):
    """The interpreter of a script's first line, and what /usr/bin/env is to find."""
    words = os.fsdecode(line).removeprefix("#!").split()
    if len(words) > 1 and words[0].endswith("/env"):
        return [words[0], shutil.which(words[1], path=GUEST_PATH) or words[1]]
    return words[:1]


def needs(path, strict=True):
    """The paths of what an ELF file or a script needs to run; strict: it is all to be there."""
    try:
        with open(path, "rb") as file:
            start = file.read(256)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    if start.startswith(b"#!") and os.access(path, os.X_OK):
        return _script_needs(start.split(b"\n")[0])
    if not start.startswith(b"\x7fELF"):
        return []
    elf = read_elf(path)
    libraries = [find_library(name, elf.folders) for name in elf.needed]
    if strict and None in libraries:
        raise UsageError(f"{path} needs {elf.needed[libraries.index(None)]}, which is nowhere here",
                         "install the package that has it")
    found = [elf.interpreter] if elf.interpreter else []
    found += [CACHE] if libraries and os.path.exists(CACHE) else []
    return found + [library for library in libraries if library]


class Collection:
    """The files and links to put into a guest whose tree is known.

    tree: {path: target of a symbolic link, None for anything else}, without leading slashes.
    files: {guest path: host path}, links: {guest path: target} are what is to be added to it.
    """

    def __init__(self, tree):
        self._tree = dict(tree)
        self._done = set()      # files whose needs are known
        self.files, self.links, self.folders = {}, {}, []

    def _guest_folder(self, host, depth=0):
        """Where a folder of the host is in the guest, made there when it is missing."""
        if depth > LINKS_MAX:
            raise UsageError(f"{host}: too many symbolic links")
        if host == "/":
            return ""
        above, name = os.path.split(host)
        guest = os.path.join(self._guest_folder(above, depth), name)
        if guest not in self._tree:
            if not os.path.islink(host):
                self._tree[guest] = None
                self.folders.append(guest)
                return guest
            self._add_link(guest, host)
        target = self._tree[guest]
        if target is None:
            return guest
        # The guest's own link, or one that leads where that of the host does.
        return self._guest_folder(os.path.normpath(os.path.join("/", os.path.dirname(guest),
                                                                target)), depth + 1)

    def _add_link(self, guest, host):
        target = os.readlink(host)
        real = os.path.realpath(os.path.dirname(host))
        if not target.startswith("/") and "/" in target and \
                real != "/" + os.path.dirname(guest):
            # Relative to another folder it would lead elsewhere.
            target = os.path.normpath(os.path.join(real, target))
        self.links[guest] = self._tree[guest] = target

    def _add_path(self, host, replace, depth=0):
        """Adds one file, and the links that lead to it; its real path when it was not there."""
        if depth > LINKS_MAX:
            raise UsageError(f"{host}: too many symbolic links")
        above, name = os.path.split(host)
        guest = os.path.join(self._guest_folder(above), name)
        ours = guest in self.files or guest in self.links
        if guest in self._tree and not ours and not replace:
            return None
        if os.path.islink(host):
            if not ours:
                self._add_link(guest, host)
            target = os.path.join(os.path.realpath(above), os.readlink(host))
            return self._add_path(os.path.normpath(target), replace, depth + 1)
        if not ours:
            self._tree[guest] = None
            self.files[guest] = host
        return host

    def add(self, path, strict=True):
        """Adds a file at its own absolute path, and all that it needs.

        UsageError when something of that is missing on this host; unless strict, only the file.
        """
        wanted = [(path, True)]
        while wanted:
            path, named = wanted.pop()
            if not os.path.exists(path):
                if named or strict:
                    raise UsageError(f"{path}: no such file")
                continue
            if os.path.isdir(path):
                self._guest_folder(path)
                continue
            real = self._add_path(path, named)
            if real is not None and real not in self._done:
                self._done.add(real)
                wanted += [(need, False) for need in needs(real, strict)]


def find_program(text):
    """The absolute path that `--with TEXT` names: a path, or a program of PATH."""
    path = text if "/" in text else shutil.which(text)
    if path is None:
        raise UsageError(f"--with {text}: no such program in PATH", "give its path")
    path = os.path.abspath(path)
    if not os.path.exists(path):
        raise UsageError(f"--with {text}: no such file")
    if os.path.isdir(path):
        raise UsageError(f"--with {text}: is a folder", "--put takes trees")
    return path


def package_files(name):
    """The files of an installed Debian package, without manuals and translations."""
    found = _run(["dpkg", "--listfiles", name], f"--with-package {name}").splitlines()
    return [path for path in found
            if path.startswith("/") and path != "/." and os.path.exists(path)
            and not (path + "/").startswith(LEFT_OUT)]


def collect(tree, programs=(), packages=()):
    """The Collection of programs (absolute paths) and Debian packages, with what they need.

    What a file of a package needs and this host lacks is left out: it may be an extension that
    nobody uses, or an example.
    """
    found = Collection(tree)
    for name in packages:
        for path in package_files(name):
            found.add(path, strict=False)
    for path in programs:
        found.add(path)
    return found


def add_options(parser):
    """--with and --with-package, the same in all commands that boot."""
    parser.add_argument("--with", dest="programs", action="append", default=[], metavar="PROGRAM",
                        help="put a program of the host into the guest at its own path, with its "
                             "interpreter and shared libraries (a path, or a name to be found in "
                             "PATH; repeatable)")
    parser.add_argument("--with-package", dest="packages", action="append", default=[],
                        metavar="NAME", help="put the files of an installed Debian package into "
                                             "the guest, with what its programs need (repeatable)")


def check(options):
    """UsageError for programs and packages that are not there, before anything is built."""
    for text in options.programs:
        find_program(text)
    for name in options.packages:
        package_files(name)


def chosen(options):
    """The Collection of the command line, for the tree that the boot archive begins with."""
    wanted = [find_program(text) for text in options.programs]
    tree = bootfiles.guest_tree(paths.boot_archive()) if wanted or options.packages else {}
    return collect(tree, wanted, options.packages)
