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
        if (result.status is None or case.status not in (None, result.status)
                or b": NO\n" in result.stdout):
            wrong.append(f"{case.name}: {describe(result)}, declared {case.status}")
    assert not wrong, "\n".join(wrong)
    assert len(cases) > 150


def test_prunella_does_the_same(cases, programs, on_debian, request):
    """All cases but those of not_yet.tbl, which are counted; with --long they are run too."""
    prunella_exec.require()
    rows = not_yet()
    reasons = {case.name: reason_not_yet(case, rows) for case in cases}
    long = request.config.getoption("--long")
    found = prunella_exec.run([case for case in cases if long or not reasons[case.name]], programs)
    failed, waiting, early = [], Counter(), Counter()
    for case in cases:
        reason = reasons[case.name]
        result = found.get(case.name)
        wrong = difference(on_debian[case.name], result) if result else "not run"
        if reason:
            (waiting if wrong else early)[reason] += 1
        elif wrong:
            results.failed(f"linux:{case.name}", wrong)
            failed.append(f"{case.name}: {wrong}")
        else:
            results.passed(f"linux:{case.name}")
    for reason, count in sorted(waiting.items()):
        results.figure(f"not like Linux yet: {count} cases: {reason}")
    for reason, count in sorted(early.items()):
        results.figure(f"like Linux already, though not_yet.tbl says `{reason}`: {count} cases")
    results.figure(f"like Linux: {len(cases) - len(failed) - sum(waiting.values())} of "
                   f"{len(cases)} cases")
    assert not failed, f"{len(failed)} cases differ:\n" + "\n".join(failed[:40])
