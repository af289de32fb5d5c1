# SPDX-License-Identifier: MIT
"""Whatever fails for good, a shell comes up on the console and says what is wrong.

Time is counted instructions here, so the waits of the failure ladder cost nothing.
"""

import pytest
from harness.session import Session
from prunella import paths, qemu

PROMPT = "recovery> "


def break_archive(path, old, new):
    """The boot archive with a word of a manifest replaced by one of the same length."""
    data = paths.boot_archive().read_bytes()
    assert data.count(old) == 1 and len(old) == len(new)
    path.write_bytes(data.replace(old, new))
    return path


@pytest.mark.parametrize("old,new,wrong", (
    (b"service         tmpfsd\n", b"servize         tmpfsd\n", r"procd +refused"),
    (b"program         sbin/procd\n", b"program         bin/dmesg1\n", r"procd +FAILED"),
    (b"program         sbin/ttyd\nprovides        tty\n",
     b"program         sbin/init\nprovides        tty\n", r"ttyd +FAILED")),
    ids=("a-manifest-is-wrong", "a-program-is-missing", "a-program-crashes"))
def test_recovery_shell(tmp_path, old, new, wrong):
    archive = break_archive(tmp_path / "boot.tar", old, new)
    shell = Session("recovery-shell", archive=archive, icount=True)
    try:
        shell.expect("This is the recovery shell of the boot archive")
        shell.expect(wrong)
        shell.expect(PROMPT)
        shell.type("lisx\x7ft\r")
        shell.expect(r"recovery +running")
        shell.expect(PROMPT)
        shell.type("log\r")
        shell.expect("recovery: a shell is on the console")
        shell.expect(PROMPT)
        shell.type("off\r")
        assert shell.end() == qemu.OFF
    finally:
        shell.kill()
