# SPDX-License-Identifier: MIT
"""What `./prunella exec` starts in the real system: programs, scripts, and what is neither."""

import subprocess

import pytest
from prunella import paths

TIMEOUT_S = 100


def run(*words, stdin=b""):
    return subprocess.run([str(paths.ROOT / "prunella"), "exec", "--no-setup", "--timeout",
                           str(TIMEOUT_S), *words], input=stdin, capture_output=True, check=False,
                          timeout=2 * TIMEOUT_S)


def put(tmp_path, text):
    file = tmp_path / "file"
    file.write_bytes(text)
    file.chmod(0o755)
    return ("--put", f"{file}:/file")


def test_a_script(tmp_path):
    """With the words, the environment and the streams that a program would get."""
    script = put(tmp_path, b"#!/bin/sh\necho $0 $1 $A\ncat\nexit 4\n")
    done = run(*script, "--env", "A=b", "--", "/file", "x", stdin=b"input\n")
    assert (done.stdout, done.stderr, done.returncode) == (b"/file x b\ninput\n", b"", 4)


@pytest.mark.parametrize("text, status, cause", [
    (b"#!/no/such\n", 127, b"ENOENT"), (b"neither\n", 126, b"ENOEXEC"),
    (b"\x7fELF and no more", 126, b"ENOEXEC")])
def test_what_is_no_program(tmp_path, text, status, cause):
    done = run(*put(tmp_path, text), "--", "/file")
    assert (done.stdout, done.returncode) == (b"", status)
    assert done.stderr == b"libos: can't run /file: " + cause + b"\n"


def test_a_name_that_path_does_not_have():
    done = run("--", "nothing")
    assert (done.stdout, done.returncode) == (b"", 127)
    assert done.stderr == b"prunella: nothing: not found in the guest\n"
