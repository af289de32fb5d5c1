# SPDX-License-Identifier: MIT
# signal: handlers, masks, timers, waiting.
# status: 143
import os, signal, sys, time, threading
seen = []
signal.signal(signal.SIGUSR1, lambda n, f: seen.append(n))
os.kill(os.getpid(), signal.SIGUSR1)
print(seen)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
os.kill(os.getpid(), signal.SIGUSR2)
print(signal.sigpending(), signal.sigwait({signal.SIGUSR2}))
os.kill(os.getpid(), signal.SIGUSR2)
i = signal.sigwaitinfo({signal.SIGUSR2})
print(i.si_signo, i.si_pid == os.getpid(), i.si_code)
print(signal.sigtimedwait({signal.SIGUSR2}, 0.01))
signal.signal(signal.SIGALRM, lambda n, f: seen.append('alarm'))
signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
while seen.count('alarm') < 3:
    signal.pause()
print(signal.setitimer(signal.ITIMER_REAL, 0)[1])
r, w = os.pipe()
os.set_blocking(w, False)
signal.set_wakeup_fd(w)
os.kill(os.getpid(), signal.SIGUSR1)
print(os.read(r, 1))
signal.set_wakeup_fd(-1)
signal.signal(signal.SIGVTALRM, lambda n, f: seen.append('vt'))
signal.setitimer(signal.ITIMER_VIRTUAL, 0.02)
while 'vt' not in seen:
    pass
try:
    os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt:
    print('interrupted')

def t():
    signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)
n = len(seen)
threading.Thread(target=t).start()
time.sleep(0.05)
print(len(seen) - n, signal.getsignal(signal.SIGCHLD))
pid = os.fork()
if not pid:
    signal.pause()
time.sleep(0.02)
os.kill(pid, signal.SIGSTOP)
print(os.WIFSTOPPED(os.waitpid(pid, os.WUNTRACED)[1]))
os.kill(pid, signal.SIGCONT)
os.kill(pid, 9)
print(os.waitpid(pid, 0)[1])
sys.stdout.flush()
os.kill(os.getpid(), 15)
