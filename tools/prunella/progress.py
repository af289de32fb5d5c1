# SPDX-License-Identifier: MIT
"""Signs of life: a line on standard error each 10 seconds while a long step is silent."""

import contextlib
import sys
import threading
import time

PERIOD_S = 10


def say(text):
    """A line about what is being done, at once, never mixed up with buffered output."""
    sys.stdout.flush()
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def heartbeat(what):
    """While the block runs: `what: 20 s` each PERIOD_S seconds."""
    done = threading.Event()
    start = time.monotonic()

    def beat():
        while not done.wait(PERIOD_S):
            say(f"{what}: {time.monotonic() - start:.0f} s")

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
