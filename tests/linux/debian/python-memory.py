# SPDX-License-Identifier: MIT
# mmap, resource, ctypes, gc: memory.
import ctypes, gc, mmap, os, resource, tempfile
with tempfile.TemporaryFile() as f:
    f.write(bytes(10000))
    f.flush()
    m = mmap.mmap(f.fileno(), 0)
    m[5000:5005] = b'hello'
    m.flush()
    f.seek(5000)
    print(f.read(5), len(m), m.find(b'ell'))
    m.close()
m = mmap.mmap(-1, 8192)
pid = os.fork()
if not pid:
    m[0:5] = b'child'
    os._exit(0)
os.waitpid(pid, 0)
print(m[:5])
m.madvise(mmap.MADV_DONTNEED)
c = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
if not (pid := os.fork()):
    c[0] = 7
    os._exit(0)
os.waitpid(pid, 0)
print(c[0])
ro = mmap.mmap(os.open('/etc/passwd', 0), 0, prot=mmap.PROT_READ)
print(ro.readline())
try:
    ro[0] = 1
except TypeError as error:
    print(error)
libc = ctypes.CDLL('libc.so.6', use_errno=True)
print(libc.strlen(b'four'), libc.close(99), ctypes.get_errno())
compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
a = (ctypes.c_int * 5)(5, 1, 4, 2, 3)
libc.qsort(a, 5, 4, compare(lambda x, y: x[0] - y[0]))
print(list(a))
big = [bytes(100000) for _ in range(200)]
print(sum(map(len, big)))
del big
gc.collect()
resource.setrlimit(resource.RLIMIT_AS, (400 << 20, resource.RLIM_INFINITY))
print(resource.getrlimit(resource.RLIMIT_AS)[0])
try:
    bytearray(1 << 30)
except MemoryError:
    print('no memory')
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 0, resource.getpagesize())
