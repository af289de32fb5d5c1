# SPDX-License-Identifier: MIT
"""The kernel comes up on 1, 2 and 4 CPUs, shows its memory, and powers off without an init."""

import re
import tarfile

import mkarchive
import pytest
from harness.guest import KERNEL_LINE

MEMORY_LINE = re.compile(r"memory: 0x([0-9a-f]+)-0x([0-9a-f]+) (usable|reserved)")
MEBIBYTE = 1 << 20
NO_INIT = "boot: no init in the boot archive"


@pytest.fixture
def boot_without_init(boot, tmp_path):
    """Boots with an empty boot archive until the kernel has powered off for want of an init."""
    archive = tmp_path / "empty.tar"
    with tarfile.open(archive, "w", format=tarfile.USTAR_FORMAT) as out:
        mkarchive.write_members(out, [])

    def start(**machine):
        guest = boot(archive=archive, **machine)
        guest.expect(re.escape(NO_INIT))
        guest.wait_off()
        return guest

    return start


def memory_map(guest):
    """The (start, end, kind) of each line of the memory map."""
    matches = map(MEMORY_LINE.fullmatch, guest.kernel_lines())
    return [(int(match[1], 16), int(match[2], 16), match[3]) for match in matches if match]


def test_first_line_names_the_system(boot_without_init, cpus):
    guest = boot_without_init(smp=cpus)
    stamped = [line for line in guest.lines() if KERNEL_LINE.fullmatch(line)]
    assert re.search(r"Prunella \d+\.\d+\.\d+", stamped[0]), stamped[0]


def test_all_cpus_come_online(boot_without_init, cpus):
    guest = boot_without_init(smp=cpus)
    online = re.findall(r"(\d+) CPUs? online", "\n".join(guest.kernel_lines()))
    assert online[-1:] == [str(cpus)]


def test_memory_map_is_ordered(boot_without_init):
    ranges = memory_map(boot_without_init())
    assert ranges, "no memory lines"
    for start, end, _ in ranges:
        assert start < end
    for (_, end, _), (start, _, _) in zip(ranges, ranges[1:]):
        assert end <= start, f"{end:#x} overlaps {start:#x}"


def test_memory_map_shows_what_the_machine_has(boot_without_init):
    for mebibytes in (128, 512):
        ranges = memory_map(boot_without_init(memory=f"{mebibytes}M"))
        usable = sum(end - start for start, end, kind in ranges if kind == "usable")
        # The firmware keeps some of it to itself, never as much as 2 MiB.
        assert (mebibytes - 2) * MEBIBYTE < usable <= mebibytes * MEBIBYTE


def test_time_stamps_never_go_back(boot_without_init, cpus):
    guest = boot_without_init(smp=cpus)
    stamps = [float(text) for text in re.findall(r"^\[ *(\d+\.\d{6})\]", guest.text(), re.M)]
    assert len(stamps) > 3
    assert stamps == sorted(stamps)
