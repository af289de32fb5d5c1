# SPDX-License-Identifier: MIT
"""Files into and out of the guest: what is packed on the host, and what is unpacked there."""

import io
import os
import tarfile

import pytest
from prunella import bootfiles, fetch
from prunella.errors import UsageError


@pytest.fixture
def tree(tmp_path):
    """A tree with modes, times, and links of both kinds."""
    root = tmp_path / "tree"
    (root / "sub").mkdir(parents=True)
    (root / "program").write_bytes(b"\x7fELF\0")
    (root / "program").chmod(0o4751)
    (root / "sub/text").write_text("text\n")
    (root / "sub/text").chmod(0o640)
    os.link(root / "sub/text", root / "other")
    (root / "link").symlink_to("sub/text")
    (root / "broken").symlink_to("/nowhere")
    os.utime(root / "sub/text", (1_000_000_000, 1_000_000_001))
    os.utime(root / "sub", (1_100_000_000, 1_100_000_000))
    return root


@pytest.fixture
def base(tmp_path):
    path = tmp_path / "base.tar"
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        info = tarfile.TarInfo("bin/first")
        info.size = 3
        tar.addfile(info, io.BytesIO(b"one"))
    return path


def test_put_keeps_modes_links_and_times(tree, base, tmp_path):
    out = bootfiles.compose(tmp_path / "out.tar", [(tree, "opt/x/tree")], [("etc/a", b"A")], base)
    assert out.read_bytes().startswith(base.read_bytes()[:512 * 2])  # the beginning is as it was
    inside = bootfiles.GUEST_ROOT
    with tarfile.open(out) as tar:
        members = {member.name.removeprefix(inside): member for member in tar.getmembers()
                   if member.name.startswith(inside)}
        assert tar.extractfile("etc/a").read() == b"A"
        assert tar.extractfile("bin/first").read() == b"one"
    assert {"opt", "opt/x", "opt/x/tree", "opt/x/tree/sub"} <= set(members)
    assert members["opt/x/tree/program"].mode == 0o4751
    texts = [members["opt/x/tree/sub/text"], members["opt/x/tree/other"]]
    assert sorted(text.type for text in texts) == [tarfile.REGTYPE, tarfile.LNKTYPE]
    assert all(text.mtime == 1_000_000_001 for text in texts)
    assert members["opt/x/tree/link"].linkname == "sub/text"
    assert members["opt/x/tree/broken"].linkname == "/nowhere"
    assert members["opt/x/tree/sub"].mtime == 1_100_000_000
    assert {(member.uid, member.gid) for member in members.values()} == {(0, 0)}


def test_put_follows_a_link_that_is_named(tree, base, tmp_path):
    out = bootfiles.compose(tmp_path / "out.tar", [(tree / "link", "file")], (), base)
    with tarfile.open(out) as tar:
        assert tar.extractfile(bootfiles.GUEST_ROOT + "file").read() == b"text\n"


def test_put_refuses(tmp_path, base):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(UsageError, match="FIFO"):
        bootfiles.compose(tmp_path / "out.tar", [(tmp_path / "fifo", "fifo")], (), base)
    (tmp_path / "f").touch()
    with pytest.raises(UsageError):
        bootfiles.compose(tmp_path / "out.tar", [(tmp_path / "f", "x" * 200)], (), base)


@pytest.mark.parametrize(("text", "guest"), (
    ("{}/f", "f"), ("{}/f:/a/b", "a/b"), ("{}/f:a", "a"), ("{}/f:/a/", "a/f"), ("{}/./f", "f")))
def test_put_names(tmp_path, text, guest):
    (tmp_path / "f").touch()
    host, found = bootfiles.parse_put(text.format(tmp_path))
    assert (host.resolve(), found) == ((tmp_path / "f").resolve(), guest)


@pytest.mark.parametrize("text", ("{}/nothing", "{}/f:..", "{}/f:/", ":/x", "{}/f:"))
def test_put_names_that_do_not_go(tmp_path, text):
    (tmp_path / "f").touch()
    with pytest.raises(UsageError):
        bootfiles.parse_put(text.format(tmp_path))


def pack(tree, name):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        tar.add(tree, name)
    return data.getvalue()


def test_get_keeps_modes_links_and_times(tree, tmp_path):
    target = tmp_path / "got"
    for _ in range(2):  # the second time over what is there
        fetch.unpack(pack(tree, "tree"), "tree", target)
    assert (target / "program").stat().st_mode & 0o7777 == 0o4751
    assert (target / "other").samefile(target / "sub/text")
    assert (target / "sub/text").stat().st_mtime == 1_000_000_001
    assert (target / "sub").stat().st_mtime == 1_100_000_000
    assert os.readlink(target / "link") == "sub/text"
    assert os.readlink(target / "broken") == "/nowhere"


def test_get_writes_nowhere_else(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    for evil in ("../outside/a", "tree/../../outside/a", "/prunella-evil"):
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w") as tar:
            tar.addfile(tarfile.TarInfo(evil))
        with pytest.raises(tarfile.TarError):
            fetch.unpack(data.getvalue(), "tree", tmp_path / "got")
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for name, kind, link in (("tree", tarfile.DIRTYPE, ""),
                                 ("tree/out", tarfile.SYMTYPE, str(outside)),
                                 ("tree/out/a", tarfile.REGTYPE, "")):
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.mode = kind, link, 0o755
            tar.addfile(info)
    with pytest.raises(tarfile.TarError):
        fetch.unpack(data.getvalue(), "tree", tmp_path / "got")
    assert not list(outside.iterdir())


@pytest.mark.parametrize("text", ("relative", "/", "/a:/nonexistent/b", "/a/..", ":x"))
def test_get_names_that_do_not_go(text):
    with pytest.raises(UsageError):
        fetch.parse_get(text)
