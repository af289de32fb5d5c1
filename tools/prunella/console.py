# SPDX-License-Identifier: MIT
"""This terminal as the console of a session: what is typed goes to QEMU, and the window's size too.

A serial line has no place for the size of a window, so it goes within the bytes, as what UTF-8 text
never holds: MARK ROWS ; COLUMNS MARK. A typed MARK goes out twice. ttyd takes both out again, when
the session has told it to (TTY_OPEN_SIZES).
"""

import contextlib
import os
import select
import shutil
import signal
import subprocess
import termios
import threading

MARK = b"\xff"
READ_BYTES = 4096


def encode(typed):
    """Typed bytes as they go over the line."""
    return typed.replace(MARK, MARK + MARK)


def size_message(rows, columns):
    """What tells the guest a size."""
    return MARK + f"{rows};{columns}".encode() + MARK


@contextlib.contextmanager
def _raw(descriptor):
    """Every key comes through, as QEMU itself would set the terminal."""
    saved = termios.tcgetattr(descriptor)
    changed = termios.tcgetattr(descriptor)
    changed[0] &= ~(termios.IGNBRK | termios.BRKINT | termios.PARMRK | termios.ISTRIP |
                    termios.INLCR | termios.IGNCR | termios.ICRNL | termios.IXON)
    changed[3] &= ~(termios.ECHO | termios.ECHONL | termios.ICANON | termios.IEXTEN |
                    termios.ISIG)
    changed[6][termios.VMIN], changed[6][termios.VTIME] = 1, 0
    termios.tcsetattr(descriptor, termios.TCSADRAIN, changed)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, saved)


class _Line:
    """QEMU's standard input: messages of two threads, each whole."""

    def __init__(self, stream):
        self._stream, self._lock = stream, threading.RLock()

    def send(self, data):
        """Sends bytes; nothing happens when QEMU has ended."""
        with self._lock, contextlib.suppress(BrokenPipeError, ValueError):
            while data:
                data = data[self._stream.write(data):]

    def feed(self, descriptor):
        """Sends what is typed, until there is no terminal any more."""
        while True:
            try:
                select.select([descriptor], [], [])
                typed = os.read(descriptor, READ_BYTES)
            except BlockingIOError:
                continue  # QEMU has made the terminal, which it shares with us, so
            except OSError:
                return
            if not typed:
                return
            self.send(encode(typed))


def play(command, timeout=None):
    """Runs QEMU on this terminal. Returns its status; subprocess.TimeoutExpired."""
    with _raw(0), subprocess.Popen(command, stdin=subprocess.PIPE, bufsize=0) as process:
        line = _Line(process.stdin)
        threading.Thread(target=line.feed, args=(0,), daemon=True).start()

        def resized(*_):
            columns, rows = shutil.get_terminal_size()
            line.send(size_message(rows, columns))
        previous = signal.signal(signal.SIGWINCH, resized)
        try:
            return process.wait(timeout)
        finally:
            signal.signal(signal.SIGWINCH, previous)
            if process.poll() is None:
                process.kill()
