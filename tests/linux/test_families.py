# SPDX-License-Identifier: MIT
"""The same programs on Debian's own kernel and on Prunella: outputs and statuses are the same."""

from collections import Counter

from harness import prunella_exec, results
from linux_cases import not_yet, reason_not_yet

SHOWN_BYTES = 300


def describe(result):
    """A result in a line."""
    out = result.stdout[-SHOWN_BYTES:].decode(errors="backslashreplace")
    error = result.stderr[-SHOWN_BYTES:].decode(errors="backslashreplace")
    return f"status {result.status}, stdout {out!r}, stderr {error!r}"


def difference(expected, found):
    """Where two results differ, in a line; None when they do not."""
    if expected == found:
        return None
    if expected.status != found.status:
        return f"status {found.status}, on Debian {expected.status}; {describe(found)}"
    for name in ("stdout", "stderr"):
        wanted, got = getattr(expected, name), getattr(found, name)
        if wanted != got:
            at = next((index for index, (left, right) in enumerate(zip(wanted, got))
                       if left != right), min(len(wanted), len(got)))
            start = wanted.rfind(b"\n", 0, at) + 1
            return (f"{name} differs at byte {at}: {got[start:start + 100]!r}, "
                    f"on Debian {wanted[start:start + 100]!r}")
    raise AssertionError("results differ in nothing")


def test_cases_do_on_debian_what_they_say(cases, on_debian):
    """The programs themselves are right: statuses as declared, no check that says NO."""
    wrong = []
    for case in cases:
        result = on_debian[case.name]
        if result.status != case.status or b": NO\n" in result.stdout:
            wrong.append(f"{case.name}: {describe(result)}, declared {case.status}")
    assert not wrong, "\n".join(wrong)
    assert len(cases) > 150


def test_prunella_does_the_same(cases, programs, on_debian):
    rows = not_yet()
    found = prunella_exec.run(cases, programs)
    failed, counts, equal_early = [], Counter(), Counter()
    for case in cases:
        wrong = difference(on_debian[case.name], found[case.name])
        reason = reason_not_yet(case, rows)
        if reason is None and wrong:
            results.failed(f"linux:{case.name}", wrong)
            failed.append(f"{case.name}: {wrong}")
        elif wrong:
            counts[reason] += 1
        else:
            results.passed(f"linux:{case.name}")
            equal_early[reason] += reason is not None
    for reason, count in sorted(counts.items()):
        results.figure(f"not equal to Linux yet: {count} cases: {reason}")
    for reason, count in sorted((item for item in equal_early.items() if item[1])):
        results.figure(f"equal already, though not_yet.tbl says `{reason}`: {count} cases")
    results.figure(f"equal to Linux: {len(cases) - len(failed) - sum(counts.values())} of "
                   f"{len(cases)} cases")
    assert not failed, f"{len(failed)} cases differ:\n" + "\n".join(failed[:40])
