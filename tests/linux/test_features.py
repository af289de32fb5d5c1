# SPDX-License-Identifier: MIT
"""./prunella features tells what abi/linux/syscalls.tbl says, in each of its forms."""

import json
import subprocess

from abigen.linux import load_linux
from prunella import paths

LINUX = load_linux(paths.ROOT / "abi" / "linux")


def features(*words):
    return subprocess.run([paths.ROOT / "prunella", "features", *words], capture_output=True,
                          text=True, stdin=subprocess.DEVNULL, check=False)


def rows(text):
    """The words of each line, by the first."""
    return {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.strip()}


def test_every_call_is_listed_and_the_sums_are_right():
    result = features()
    assert result.returncode == 0 and result.stderr == ""
    listed = rows(result.stdout)
    for call in LINUX.calls:
        assert listed[call.name][:3] == [call.family, call.state, str(call.number)]
    states = [call.state for call in LINUX.calls]
    assert listed["all"] == [str(states.count(name)) for name in ("full", "partial", "absent")]


def test_json_holds_the_same():
    answer = json.loads(features("--json").stdout)
    assert [call["number"] for call in answer["calls"]] == [call.number for call in LINUX.calls]
    write = next(call for call in answer["calls"] if call["name"] == "write")
    assert (write["family"], write["arguments"]) == ("files", ["fd", "buffer", "count"])
    served = [call for call in LINUX.calls if call.state != "none"]
    assert sum(sum(states.values()) for states in answer["counts"].values()) == len(served)


def test_a_family_and_a_state_choose():
    text = features("pipes", "poll").stdout
    listed = rows(text)
    assert {"pipe2", "epoll_wait"} <= set(listed) and "read" not in listed
    assert int(listed["pipes"][0]) + int(listed["pipes"][1]) + int(listed["pipes"][2]) == 5
    chosen = json.loads(features("--state", "none", "--json").stdout)["calls"]
    assert {call["state"] for call in chosen} == {"none"}
    assert "create_module" in {call["name"] for call in chosen}


def test_partial_calls_say_what_is_missing():
    for call in json.loads(features("--state", "partial", "--json").stdout)["calls"]:
        assert call["missing"], call["name"]


def test_wrong_words_are_refused():
    result = features("fishes")
    assert result.returncode == 2 and "there is no family fishes" in result.stderr
    assert features("--state", "done").returncode == 2
