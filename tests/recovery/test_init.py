# SPDX-License-Identifier: MIT
"""init restarts what ends, replaces what hangs, gives up what can't be helped, survives itself.

Most of it is tested in the guest by apps/init-test. The services that misbehave for it, and the
manifests that are wrong, are in services/ beside this file; they go into a boot archive
of the tests' own.
"""

import pathlib
import re
import shutil
import tarfile

import pytest
from harness.cases import run_cases
from prunella import paths, qemu

SERVICES = pathlib.Path(__file__).parent / "services"
GRANTS = ("init.test=1 init.uses=svc,bank,test-spare,test-loop,test-sleep "
          "init.services=test-user init.grants=root-job,init-vault")
TIMEOUT_S = 240


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """The boot archive with the services of this test."""
    path = tmp_path_factory.mktemp("init") / "boot.tar"
    shutil.copy(paths.boot_archive(), path)
    with tarfile.open(path, "a", format=tarfile.USTAR_FORMAT) as tar:
        for manifest in sorted(SERVICES.glob("*.svc")):
            tar.add(manifest, f"etc/services/{manifest.name}")
    return path


def run_in_guest(boot, archive, parts=(), smp=2, name="init-test"):
    """Runs init-test; returns its cases."""
    return run_cases(boot, "sbin/init", args=parts, name=f"{name}[{smp}]",
                     append=f"{GRANTS} init.run=bin/init-test", archive=archive, smp=smp,
                     timeout=TIMEOUT_S)


def test_everything_on_two_cpus(boot, archive):
    cases = run_in_guest(boot, archive)
    assert len(cases.ok) >= 25


@pytest.mark.parametrize("smp", (1, 4))
def test_deaths_on_other_numbers_of_cpus(boot, archive, smp):
    run_in_guest(boot, archive, ("killed", "dies", "frozen", "looping", "stops"), smp)


@pytest.mark.long
@pytest.mark.parametrize("smp", (1, 2, 4))
def test_everything_many_times(boot, archive, smp):
    for _ in range(5):
        run_in_guest(boot, archive, smp=smp)


@pytest.mark.parametrize("part", ("header", "noise"))
def test_corrupt_vault_starts_all_anew(boot, archive, part):
    cases = run_cases(boot, "sbin/init", args=("corrupt", part), name=f"init-test-corrupt-{part}",
                      append=f"{GRANTS} init.run=bin/init-test", archive=archive)
    assert cases.ok == [f"corrupt_{part}"]


def test_corrupt_vault_is_told_loudly(boot, archive):
    guest = boot(append=f"{GRANTS} init.run=bin/init-test -- corrupt header", archive=archive)
    guest.expect("init: MY VAULT IS CORRUPT")
    guest.expect("ok corrupt_header")
    guest.wait_off()


def test_corrupt_record_costs_one_service(boot, archive):
    cases = run_cases(boot, "sbin/init", args=("corrupt", "record"),
                      name="init-test-corrupt-record",
                      append=f"{GRANTS} init.run=bin/init-test", archive=archive)
    assert cases.ok == ["corrupt_record"]


def test_init_that_never_lives_panics(boot, archive):
    guest = boot(append="init=bin/init-test", archive=archive)
    guest.expect("panic: init does not stay alive")
    guest.expect("end of panic")
    assert guest.wait() == qemu.PANIC
    assert guest.text().count("boot: init ended: fault") == 9


def test_wrong_manifests_are_told_once_and_disable_themselves_only(boot, archive):
    # init dies once on the way, and does not repeat itself.
    guest = boot(append=f"{GRANTS} init.run=bin/init-test -- answers_its_own_kill",
                 archive=archive)
    guest.wait_off()
    lines = [line for line in guest.kernel_lines() if "etc/services" in line]
    assert lines == [
        "init: etc/services/test-wrong.svc:5: there is no key colour",
        "init: etc/services/test-circle.svc:0: it depends on itself",
        "init: etc/services/test-cycle.svc:0: it depends on itself",
        "init: etc/services/test-orphan.svc:0: it depends on a refused service: test-wrong"]


def test_services_start_in_order_without_a_program(boot, archive):
    guest = boot(append="init.services=relay,nobody", archive=archive)
    guest.expect("init: init.services= names no service: nobody")
    guest.expect("init: relay started")
    started = re.findall(r"init: (\S+) started", guest.text())
    assert sorted(started[:2]) == ["bank", "queue"] and started[2] == "relay"


def test_unknown_channel_ends_the_machine(boot, archive):
    guest = boot(append="init.run=bin/session init.uses=nothing", archive=archive)
    guest.expect("init: can't start bin/session: no service provides channel nothing")
    assert guest.wait() != qemu.OFF
