# SPDX-License-Identifier: MIT
# subprocess in its ways.
import os, signal, subprocess, sys
run = subprocess.run
print(run(['echo', 'a'], capture_output=True, text=True))
print(run('cat; exit 4', shell=True, input=b'in', stdout=-1))
print(run(['sh', '-c', 'echo e >&2'], stderr=subprocess.STDOUT, stdout=-1).stdout)
for words in (['/nonexistent'], ['/etc/passwd'], ['/']):
    try:
        run(words)
    except OSError as error:
        print(type(error).__name__, error.errno)
try:
    run(['sleep', '5'], timeout=0.1)
except subprocess.TimeoutExpired as error:
    print('timeout', error.cmd)
p = subprocess.Popen(['sleep', '5'])
p.terminate()
print(p.wait())
p = subprocess.Popen(['cat'], stdin=-1, stdout=-1, start_new_session=True)
print(os.getpgid(p.pid) == p.pid, p.communicate(b'x' * 200000)[0].count(b'x'))
text = 'pwd; echo $A; ls /proc/self/fd | wc -l'
print(run(['sh', '-c', text], cwd='/srv', env={'A': 'b', 'PATH': '/bin'}, stdout=-1,
          stdin=subprocess.DEVNULL).stdout)
r, w = os.pipe()
print(run(['sh', '-c', f'echo kept >&{w}'], pass_fds=[w]).returncode, os.read(r, 9))
a = subprocess.Popen(['seq', '1000'], stdout=-1)
b = subprocess.Popen(['tail', '-n1'], stdin=a.stdout, stdout=-1)
print(b.communicate()[0], a.wait())
print(run(['sh', '-c', 'kill -11 $$']).returncode)
parent = subprocess.check_output([sys.executable, '-c', 'import os; print(os.getppid())'])
print(int(parent) == os.getpid())
print(run(['cat'], preexec_fn=lambda: os.close(0), stderr=-1).returncode)
print(os.waitstatus_to_exitcode(os.system('exit 6')))
pid = os.posix_spawn('/bin/echo', ['echo', 'spawned'], os.environ)
print(os.waitpid(pid, 0)[1])
