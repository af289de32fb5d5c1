# SPDX-License-Identifier: MIT
"""What the host has to say before the guest boots, in the boot archive; guests in a closed box.

A file of frames in the boot archive is the beginning of what the service execd-script hears: the
program and what standard input has already. That is much faster than the line.

In a closed box (`exec --icount`) it is all that the host has to say: nothing comes in once the
guest runs, time is instructions, and what comes out goes into a file that is read when the guest
has ended. So two runs of the same are the same to the byte, their times included.
"""

import os
import re
import select
import subprocess
import tempfile

from prunella import bootfiles, frames, paths, qemu
from prunella.errors import UsageError
from prunella.frames import Frame
from prunella.guest import GuestFailed, TimedOut, exit_status

SCRIPT = "etc/exec/script"
SERVICE = "execd-script"
# Of standard input, before the guest boots; and how long we wait for more of it.
AHEAD_BYTES = 8 << 20
AHEAD_MS = 50
UNLIMITED = (1 << 64) - 1
# What the kernel is told, besides.
WORDS = (f"init.services={SERVICE}", qemu.PANIC_WORD)


def read_ahead(descriptor):
    """What standard input has at once, up to AHEAD_BYTES; returns (bytes, whether that is all)."""
    data = bytearray()
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    while not os.isatty(descriptor) and len(data) < AHEAD_BYTES and poll.poll(AHEAD_MS):
        piece = os.read(descriptor, AHEAD_BYTES - len(data))
        if not piece:
            return bytes(data), True
        data += piece
    return bytes(data), False


def first_frames(argv, stdin, ended, env, cwd, trace=False):
    """The frames that start a program and give it the beginning of its input, or all of it."""
    try:
        said = list(frames.start_frames(1, 1, argv, env, cwd, trace))
    except ValueError as error:
        raise UsageError(f"{argv[0]}: {error}") from None
    said += [Frame(frames.DATA, frames.STDIN, 1, at, stdin[at:at + frames.PAYLOAD_MAX])
             for at in range(0, len(stdin), frames.PAYLOAD_MAX)]
    return said + ([Frame(frames.EOF, frames.STDIN, 1, len(stdin))] if ended else [])


def all_frames(argv, stdin, env, cwd, trace=False):
    """The frames of one run, from its start to the end of the machine."""
    windows = [Frame(frames.WINDOW, stream, 1, UNLIMITED)
               for stream in (frames.STDOUT, frames.STDERR)]
    said = first_frames(argv, stdin, True, env, cwd, trace)
    # The windows count from the start on, and no output may wait for the end of the input.
    start = next(at for at, frame in enumerate(said) if frame.type == frames.START)
    return said[:start + 1] + windows + said[start + 1:] + [Frame(frames.POWER_OFF, 0, 1, 2)]


def script(said):
    """(guest path, bytes) of these frames, for compose()."""
    return SCRIPT, b"".join(frame.encode() for frame in said)


def service(execd=None):
    """(guest path, bytes) of the manifest of an execd that follows the script."""
    _, text = execd or bootfiles.execd_service()
    text = re.sub(rb"(?m)^(service\s+)\S+$", rb"\1" + SERVICE.encode(), text)
    text += f"grant           archive\nargument        script={SCRIPT}\n".encode()
    return f"etc/services/{SERVICE}.svc", text


def take_apart(data, log):
    """(stdout, stderr, end) of what came out of the guest."""
    decoder = frames.Decoder()
    outputs = {frames.STDOUT: bytearray(), frames.STDERR: bytearray()}
    end = None
    for frame in decoder.feed(data):
        if frame.type == frames.DATA:
            have = outputs[frame.stream]
            if frame.offset > len(have):
                raise GuestFailed(f"output before byte {frame.offset} is missing", log)
            have += frame.payload[len(have) - frame.offset:]
        elif frame.type == frames.EXIT:
            end = frames.exit_of(frame)
    if decoder.spoilt:
        raise GuestFailed(f"{decoder.spoilt} bytes on the line belong to no frame", log)
    return bytes(outputs[frames.STDOUT]), bytes(outputs[frames.STDERR]), end


def run(machine, program, log, timeout=None):
    """Boots the machine, whose archive has the script; returns (stdout, stderr, status)."""
    handle, machine.line = tempfile.mkstemp(prefix="prunella-line-")
    os.close(handle)
    machine.console, machine.log, machine.trace = "closed", log, qemu.new_trace()
    machine.append = [*WORDS, *machine.append]
    bootfiles.remove(log)
    try:
        with subprocess.Popen(machine.command(), stdin=subprocess.DEVNULL) as process:
            try:
                status = process.wait(timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                raise TimedOut("the program does not end in time", log) from None
        with open(machine.line, "rb") as line:
            stdout, stderr, end = take_apart(line.read(), log)
    finally:
        bootfiles.remove(machine.line)
    outcome = qemu.judge(status, machine.trace)
    if outcome != qemu.OFF or end is None:
        raise GuestFailed(f"the guest ended badly: {outcome}", log)
    return stdout, stderr, exit_status(*end, program)


def new_log():
    return paths.log_folder() / f"exec-{os.getpid()}.log"
