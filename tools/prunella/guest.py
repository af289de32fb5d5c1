# SPDX-License-Identifier: MIT
"""A booted guest that runs programs, one after the other: what `exec` and the tests use.

    with Guest(machine) as guest:
        result = guest.run(["/bin/cat"], stdin=b"text")
        result.stdout, result.stderr, result.status

The kernel's log goes from the first serial port into guest.log; the second one carries the frames
(prunella/frames.py) over QEMU's standard input and output. A thread reads them; each output has a
thread that writes it where it is wanted, so that a slow reader of one does not stop the other: the
guest sends only as much as WINDOW has told it to.
"""

import contextlib
import os
import struct
import subprocess
import threading
import time

from prunella import frames, paths, qemu
from prunella.errors import Failure
from prunella.frames import Frame

WINDOW_BYTES = 1 << 16
BOOT_TIMEOUT_S = 60
OFF_TIMEOUT_S = 20
READ_BYTES = 1 << 16

NOT_FOUND, CANNOT_RUN, TIMED_OUT, BROKEN = 127, 126, 124, 125
# What procd says when the program can't be started (abi/kernel/status.toml), by name.
_NOT_FOUND_ERRORS = ("NOT_FOUND",)
_CANNOT_RUN_ERRORS = ("FORBIDDEN", "NOT_PERMITTED", "IS_DIRECTORY", "NOT_DIRECTORY", "CORRUPT",
                      "NOT_SUPPORTED", "ACCESS_DENIED", "TOO_MANY_LINKS", "NAME_TOO_LONG")


class GuestFailed(Failure):
    """The guest did not boot, or ended, or talked nonsense."""

    def __init__(self, cause, log):
        super().__init__(cause, status=BROKEN)
        self.log = log


class TimedOut(GuestFailed):
    """A program did not end in time."""


class CannotStart(Failure):
    """A program could not be started; `status` is what a shell would say."""


class Result:
    """What a program wrote and how it ended (128 + n for signal n)."""

    def __init__(self, stdout, stderr, status):
        self.stdout, self.stderr, self.status = stdout, stderr, status

    def __repr__(self):
        return f"Result({self.stdout!r}, {self.stderr!r}, {self.status})"


def _status_names():
    """Names of native statuses by number."""
    import tomllib
    with open(paths.ROOT / "abi/kernel/status.toml", "rb") as file:
        entries = tomllib.load(file)["status"]
    return {-number: entry["name"] for number, entry in enumerate(entries, 1)}


def exit_status(status, error, program):
    """What a shell would say of an end; CannotStart when there was no program."""
    if error == 0:
        return 128 + (status & 0x7F) if status & 0x7F else status >> 8 & 0xFF
    name = _status_names().get(error, str(error))
    if name in _NOT_FOUND_ERRORS:
        raise CannotStart(f"{program}: not found in the guest", status=NOT_FOUND)
    if name in _CANNOT_RUN_ERRORS:
        raise CannotStart(f"{program}: can't be executed: {name}", status=CANNOT_RUN)
    raise CannotStart(f"{program}: can't be started: {name}", status=BROKEN)


def log_tail(log, lines=30):
    """The end of a log file; all of it when `lines` is None."""
    try:
        with open(log, encoding="utf-8", errors="replace") as file:
            found = file.read().replace("\r", "").splitlines()
    except FileNotFoundError:
        return ""
    return "\n".join(found[-lines:] if lines else found)


class _Output:
    """One output of a program: drops what is a repetition, writes the rest, gives credit."""

    def __init__(self, stream, write, credit, closed):
        self._stream, self._write, self._credit, self._closed = stream, write, credit, closed
        self._received = 0
        self._written = 0
        self._pieces = []
        self._wanted = threading.Condition()
        self._done = False
        self.error = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def take(self, frame):
        """A DATA frame. Returns False when bytes before it are missing."""
        if frame.offset > self._received:
            return False
        fresh = frame.payload[self._received - frame.offset:]
        self._received += len(fresh)
        if fresh:
            with self._wanted:
                self._pieces.append(fresh)
                self._wanted.notify()
        return True

    def finish(self):
        """Waits until everything is written."""
        with self._wanted:
            self._done = True
            self._wanted.notify()
        self._thread.join()

    def _run(self):
        while True:
            with self._wanted:
                while not self._pieces and not self._done:
                    self._wanted.wait()
                if not self._pieces:
                    return
                data = b"".join(self._pieces)
                self._pieces.clear()
            self._written += len(data)
            if self.error is None:
                try:
                    self._write(data)
                except OSError as error:
                    self.error = error
                    self._closed(self._stream)
            self._credit(self._stream, self._written + WINDOW_BYTES)


class _Run:
    """A program in the guest, as the host sees it."""

    def __init__(self, number):
        self.number = number
        self.outputs = {}
        self.limit = 0  # standard input may be sent up to here
        self.end = None  # (status, error)


class Guest:
    """One boot. Everything may be called from one thread only, but for signal()."""

    def __init__(self, machine, log=None, services="execd"):
        self.machine = machine
        self.log = log or paths.log_folder() / f"exec-{os.getpid()}.log"
        machine.console = "frames"
        machine.log = self.log
        machine.trace = machine.trace or qemu.new_trace()
        machine.append = [f"init.services={services}", qemu.PANIC_WORD, *machine.append]
        self._lock = threading.Lock()  # of the line's sending side, and of control numbers
        self._changed = threading.Condition()
        self._control = 0
        self._number = 0
        self._run = None
        self._said = None
        self._ready = False
        self._broken = None
        self._process = None
        self.spoilt = 0
        self.repeats = 0

    # ---- life

    def __enter__(self):
        if self._process is None:
            self.boot()
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.power_off()
        else:
            self.kill()

    def boot(self, timeout=BOOT_TIMEOUT_S):
        """Boots, and waits until programs can be run; GuestFailed when that fails."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.log)
        self._process = subprocess.Popen(self.machine.command(), stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, bufsize=0)
        threading.Thread(target=self._read, daemon=True).start()
        self._wait(lambda: self._ready, timeout, "the guest is not ready in time")

    def power_off(self):
        """Ends the guest as it wants to be ended."""
        self._send_control(frames.POWER_OFF)
        try:
            self._process.wait(OFF_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise GuestFailed("the guest does not power off", self.log) from None
        outcome = qemu.judge(self._process.returncode, self.machine.trace)
        if outcome != qemu.OFF:
            raise GuestFailed(f"the guest ended badly: {outcome}", self.log)

    def kill(self):
        """Ends QEMU at once."""
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def log_tail(self, lines=30):
        """The end of the kernel's log; all of it when `lines` is None."""
        return log_tail(self.log, lines)

    # ---- running

    def run(self, argv, stdin=b"", **options):
        """Runs a program; its outputs are kept. Options as of stream()."""
        kept = {frames.STDOUT: bytearray(), frames.STDERR: bytearray()}
        status = self.stream(argv, stdin, kept[frames.STDOUT].extend,
                             kept[frames.STDERR].extend, **options)
        return Result(bytes(kept[frames.STDOUT]), bytes(kept[frames.STDERR]), status)

    def stream(self, argv, stdin, stdout, stderr, env=None, cwd="/", timeout=None, trace=False):
        """Runs a program; stdout(bytes) and stderr(bytes) are called with what it writes.

        stdin is bytes, or the number of a file descriptor that is read as the program wants it.
        Returns its status. CannotStart; TimedOut (the guest is of no use after that); GuestFailed.
        """
        run, sent, ended = self._start(argv, env, cwd, trace)
        for stream, write in ((frames.STDOUT, stdout), (frames.STDERR, stderr)):
            run.outputs[stream] = _Output(stream, write, self._credit, self._close)
            self._credit(stream, WINDOW_BYTES)
        if not ended:
            threading.Thread(target=self._feed, args=(run, stdin, sent), daemon=True).start()
        self._wait(lambda: run.end is not None, timeout, "the program does not end in time")
        for output in run.outputs.values():
            output.finish()
        return exit_status(*run.end, argv[0])

    def expect_start(self, sent, ended):
        """Before boot(): the boot archive starts the first program, with `sent` bytes of its input.

        The first stream() then is that program, and goes on with its input, unless that has ended.
        """
        self._number = self._control = 1
        self._run = _Run(1)
        self._said = (sent, ended)

    def _start(self, argv, env, cwd, trace):
        """Starts a program; returns its _Run, the bytes of input that it has, and whether all."""
        if self._said is not None:
            sent, ended = self._said
            self._said = None
            return self._run, sent, ended
        self._number = self._number % 0xFFFF + 1
        run = _Run(self._number)
        with self._changed:
            self._run = run
        try:
            for frame in frames.start_frames(run.number, self._control + 1, argv, env or {}, cwd,
                                             trace):
                self._send(frame)
        except ValueError as error:
            raise CannotStart(f"{argv[0]}: {error}", status=BROKEN) from None
        self._control += 1
        return run, 0, False

    def signal(self, number):
        """Sends a signal to the program that runs."""
        self._send_control(frames.SIGNAL, payload=struct.pack("<I", number))

    # ---- the line

    def _wait(self, condition, timeout, what):
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            while not condition() and self._broken is None:
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    break
                # In pieces, so that a signal's handler is run soon.
                self._changed.wait(0.5 if left is None else min(left, 0.5))
            if condition():
                return
            broken = self._broken
        self.kill()
        raise (TimedOut(what, self.log) if broken is None else GuestFailed(broken, self.log))

    def _send(self, frame):
        with self._lock:
            self._write(frame)

    def _write(self, frame):
        data = frame.encode()
        try:
            while data:
                data = data[self._process.stdin.write(data):]
        except (BrokenPipeError, ValueError):
            pass  # QEMU has ended: the reader tells

    def _send_control(self, kind, stream=0, payload=b""):
        with self._lock:
            self._control += 1
            self._write(Frame(kind, stream, self._number, self._control, payload))

    def _credit(self, stream, limit):
        self._send(Frame(frames.WINDOW, stream, self._number, limit))

    def _close(self, stream):
        self._send_control(frames.CLOSE, stream)

    def _feed(self, run, stdin, sent):
        """Sends standard input from byte `sent` on, as far as the guest wants it."""
        pending, fed = b"", stdin if isinstance(stdin, bytes) else None
        while run.end is None and self._broken is None:
            if not pending:
                pending = self._more(fed, sent, stdin)
            if not pending:
                self._send(Frame(frames.EOF, frames.STDIN, run.number, sent))
                return
            with self._changed:
                while run.limit <= sent and run.end is None and self._broken is None:
                    self._changed.wait()
                room = run.limit - sent
            piece = pending[:min(room, frames.PAYLOAD_MAX)]
            if piece and run.end is None:
                self._send(Frame(frames.DATA, frames.STDIN, run.number, sent, piece))
                sent += len(piece)
                pending = pending[len(piece):]

    @staticmethod
    def _more(fed, sent, descriptor):
        if fed is not None:
            return fed[sent:sent + READ_BYTES]
        try:
            return os.read(descriptor, READ_BYTES)
        except OSError:
            return b""

    def _read(self):
        """The thread that reads the line."""
        decoder = frames.Decoder()
        while True:
            data = self._process.stdout.read(READ_BYTES)
            if not data:
                break
            for frame in decoder.feed(data):
                self._take(frame)
            if decoder.spoilt:
                self._break(f"{decoder.spoilt} bytes on the line belong to no frame")
                decoder.spoilt = 0
        status = self._process.wait()
        self._break(f"the guest ended: {qemu.judge(status, self.machine.trace)}")

    def _break(self, why):
        with self._changed:
            self._broken = self._broken or why
            self._changed.notify_all()

    def _take(self, frame):
        run = self._run
        if frame.type == frames.HELLO:
            version, _ = struct.unpack("<II", frame.payload)
            if version != frames.VERSION:
                self._break(f"the guest speaks version {version} of the frames")
            elif run is not None and self._ready:
                self._break("the guest has forgotten what it was doing")
            with self._changed:
                self._ready = True
                self._changed.notify_all()
        elif run is None or frame.run != run.number:
            self.repeats += 1
        elif frame.type == frames.DATA:
            output = run.outputs.get(frame.stream)
            if output is None or not output.take(frame):
                self._break(f"output before byte {frame.offset} is missing")
        elif frame.type == frames.WINDOW:
            with self._changed:
                run.limit = max(run.limit, frame.offset)
                self._changed.notify_all()
        elif frame.type == frames.EXIT:
            with self._changed:
                run.end = run.end or frames.exit_of(frame)
                self._changed.notify_all()
        else:
            self._break(f"the guest sends frames of type {frame.type}")
