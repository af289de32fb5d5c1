# SPDX-License-Identifier: MIT
# pty, termios, tty.
import os, pty, select, struct, fcntl, termios, tty
m, s = pty.openpty()
print(os.isatty(s), os.ttyname(s).startswith('/dev/pts/'))
os.write(m, b'line\n')
print(os.read(s, 100), os.read(m, 100))
fcntl.ioctl(s, termios.TIOCSWINSZ, struct.pack('HHHH', 30, 90, 0, 0))
print(os.get_terminal_size(s))
tty.setraw(s)
os.write(m, b'\x03x')
print(os.read(s, 9))
os.write(s, b'\n')
print(os.read(m, 9))
os.close(s)
os.close(m)
pid, fd = pty.fork()
if not pid:
    text = 'tty | cut -c1-9; stty size; test -t 0 && echo terminal; read x; echo got $x; exit 3'
    os.execvp('sh', ['sh', '-c', text])
out = b''
os.write(fd, b'word\n')
while True:
    try:
        part = os.read(fd, 1000)
    except OSError as error:
        print(error.errno)
        break
    if not part:
        break
    out += part
lines = sorted(out.split(b'\r\n'))
print(lines, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
