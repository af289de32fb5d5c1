# SPDX-License-Identifier: MIT
"""Programs run in the guest through execd, and come out as they should, also while it is killed.

The programs are those of the stand-in (apps/exec-test/programs.c).
"""

import hashlib
import random
import threading
import time

import pytest
from harness import results
from harness.guest import SCALE
from prunella.guest import NOT_FOUND, CannotStart, TimedOut

# The line carries some tens of kilobytes a second each way.
STORM_BYTES = 50_000
PATIENCE_S = 240 * SCALE


def data_of(size, seed=1):
    return random.Random(seed).randbytes(size)


def digest(data):
    return len(data), hashlib.sha256(data).hexdigest()


def test_programs_one_after_the_other(guest, cpus):
    with guest(cpus) as booted:
        told = booted.run(["args", "a b", "", "c"], env={"X": "1", "Y": ""}, cwd="/tmp")
        assert told.stdout == b"args\na b\n\nc\nX=1\nY=\n/bin/args\n/tmp\n"
        assert (told.stderr, told.status) == (b"told\n", 0)
        for status in (0, 1, 255):
            assert booted.run(["exit", str(status)]).status == status
        assert booted.run(["/bin/signal", "11"]).status == 128 + 11
        assert booted.run(["cat"], b"").stdout == b""
        both = booted.run(["tee"], b"\0\xff\r\n\x11\x13")
        assert both.stdout == both.stderr == b"\0\xff\r\n\x11\x13"


def test_programs_that_are_not_there(guest):
    with guest() as booted:
        for name in ("nothing", "/bin/nothing", "/nowhere/cat", ""):
            with pytest.raises(CannotStart) as caught:
                booted.run([name])
            assert caught.value.status == NOT_FOUND
        assert booted.run(["cat"], b"still there", env={"PATH": "/no:/bin"}).stdout == \
            b"still there"


def test_large_and_binary(guest):
    with guest() as booted:
        for size in (1, 4096, 4097, 65537):
            data = data_of(size)
            result = booted.run(["cat"], data, timeout=PATIENCE_S)
            assert digest(result.stdout) == digest(data)
        flood = booted.run(["flood", "300000"], timeout=PATIENCE_S).stdout
        assert digest(flood) == digest((b"x" * 63 + b"\n") * 4687 + (b"x" * 63 + b"\n")[:32])


def test_input_that_nobody_reads(guest):
    """The program ends, whatever was still to come; the next one sees none of it."""
    with guest() as booted:
        assert booted.run(["reader", "10"], data_of(200_000), timeout=60 * SCALE).stdout == b"10\n"
        assert booted.run(["exit", "3"], data_of(100_000)).status == 3
        assert booted.run(["cat"], b"next").stdout == b"next"


def test_a_slow_reader_of_one_output_does_not_stop_the_other(guest):
    with guest() as booted:
        done, seen = threading.Event(), []

        def slow(data):
            seen.append(data)
            if sum(map(len, seen)) > 1000:
                done.wait(60 * SCALE)

        errors = bytearray()
        runner = threading.Thread(target=booted.stream, args=(["tee"], data_of(20_000), slow,
                                                              errors.extend))
        runner.start()
        deadline = time.monotonic() + 60 * SCALE
        while len(errors) < 20_000 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert digest(bytes(errors)) == digest(data_of(20_000))
        done.set()
        runner.join()
        assert digest(b"".join(seen)) == digest(data_of(20_000))


def test_outputs_that_nobody_reads(guest):
    """Who closes its end ends the program that writes, as a closed pipe does."""
    with guest() as booted:
        def closed(data):
            raise BrokenPipeError

        status = booted.stream(["flood", "100000000"], b"", closed, closed,
                               timeout=PATIENCE_S)
        assert status == 128 + 13


def test_signals(guest):
    with guest() as booted:
        threading.Timer(1.0, lambda: booted.signal(15)).start()
        result = booted.run(["hold"], timeout=60 * SCALE)
        assert (result.stdout, result.status) == (b"holding\n", 128 + 15)


def test_no_end_in_time(guest):
    booted = guest()
    with pytest.raises(TimedOut):
        booted.run(["hold"], timeout=2)
    assert "stand-in: spawn" in booted.log_tail()


def check_round(booted, number, size):
    """Streams, a status and arguments of one round are those of an undisturbed run."""
    data = data_of(size, number)
    both = booted.run(["tee"], data, timeout=PATIENCE_S)
    assert digest(both.stdout) == digest(both.stderr) == digest(data)
    status = number % 256
    assert booted.run(["exit", str(status)]).status == status
    told = booted.run(["args", str(number)])
    assert told.stdout == b"args\n%d\n/bin/args\n/\n" % number


def check_storm(guest, smp, wanted):
    """Both services are killed all the time, until `wanted` kills happened, however fast it is."""
    rounds = kills = 0
    with guest(smp, storm=True) as booted:
        while kills < wanted:
            assert rounds < wanted, "a round in which hardly anybody was killed"
            check_round(booted, rounds, STORM_BYTES)
            rounds += 1
            log = booted.log_tail(None)
            kills = log.count("uart16550 restarted") + log.count("execd-test restarted")
        spawns = booted.log_tail(None).count("stand-in: spawn")
    results.figure(f"exec under a storm, {smp} CPUs: {3 * STORM_BYTES * rounds} bytes through, "
                   f"{kills} kills of execd and its driver")
    assert spawns == 3 * rounds


@pytest.mark.parametrize("smp", (1, 2))
def test_killed_at_random(guest, smp):
    check_storm(guest, smp, 30)


@pytest.mark.long
@pytest.mark.parametrize("smp", (1, 2, 4))
def test_killed_at_random_for_long(guest, smp):
    check_storm(guest, smp, 1000)
