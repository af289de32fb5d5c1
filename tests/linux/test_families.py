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


def test_every_call_that_works_is_made_by_a_case(on_debian, calls):
    """Calls that are said to work and that no case makes are named: nothing shows that they do."""
    made = frozenset().union(*(result.calls for result in on_debian.values()))
    assert len(made) > 150, "the tracing in the guest saw few calls"
    untried = [call.name for call in calls.values()
               if call.state in ("full", "partial") and call.number not in made]
    works = sum(call.state in ("full", "partial") for call in calls.values())
    results.figure(f"Linux calls made by the cases: {len(made)}; said to work: {works}, of which "
                   f"no case makes {len(untried)}{': ' if untried else ''}{', '.join(untried)}")


def report_waiting(waiting):
    """Figures on the cases that can't be equal yet: {name: reason}."""
    needed = Counter(name for reason in waiting.values() if reason.startswith("absent calls: ")
                     for name in reason.removeprefix("absent calls: ").split(", "))
    others = Counter(reason for reason in waiting.values()
                     if not reason.startswith("absent calls: "))
    if needed:
        most = ", ".join(f"{name} ({count})" for name, count in needed.most_common(12))
        results.figure(f"not like Linux yet: {len(waiting) - sum(others.values())} cases make "
                       f"absent calls: {most}{', ...' if len(needed) > 12 else ''}")
    for reason, count in sorted(others.items()):
        results.figure(f"not like Linux yet: {count} cases: {reason}")


def test_prunella_does_the_same(cases, programs, on_debian, calls, request):
    """All cases but those that can't be equal yet, which are counted; --long runs them too."""
    prunella_exec.require(programs)
    rows = not_yet()
    reasons = {case.name: reason_not_yet(case, on_debian[case.name].calls, calls, rows)
               for case in cases}
    long = request.config.getoption("--long")
    found = prunella_exec.run([case for case in cases if long or not reasons[case.name]], programs)
    failed, waiting, early = [], {}, []
    for case in cases:
        reason = reasons[case.name]
        result = found.get(case.name)
        wrong = difference(on_debian[case.name], result) if result else "not run"
        if reason and wrong:
            waiting[case.name] = reason
        elif reason:
            early.append(case.name)
        elif wrong:
            results.failed(f"linux:{case.name}", wrong)
            failed.append(f"{case.name}: {wrong}")
        else:
            results.passed(f"linux:{case.name}")
    report_waiting(waiting)
    if early:
        results.figure(f"like Linux before their time: {', '.join(early)}")
    results.figure(f"like Linux: {len(cases) - len(failed) - len(waiting)} of {len(cases)} cases")
    assert not failed, f"{len(failed)} cases differ:\n" + "\n".join(failed[:40])
