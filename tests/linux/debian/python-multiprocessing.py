# SPDX-License-Identifier: MIT
# multiprocessing: processes that share memory, queues, locks.
import multiprocessing as mp, os
from multiprocessing import shared_memory

def square(x):
    return x * x

def fill(q, value, lock):
    for i in range(100):
        with lock:
            value.value += 1
    q.put(os.getppid())
if True:
    q, value, lock = (mp.Queue(), mp.Value('i', 0), mp.Lock())
    ps = [mp.Process(target=fill, args=(q, value, lock)) for _ in range(3)]
    [p.start() for p in ps]
    got = [q.get() for _ in ps]
    [p.join() for p in ps]
    print(value.value, set(got) == {os.getpid()}, [p.exitcode for p in ps])
    with mp.Pool(2) as pool:
        print(pool.map(square, range(10)), pool.apply_async(square, (7,)).get(10))
    m = shared_memory.SharedMemory(create=True, size=100)
    m.buf[:3] = b'abc'
    other = shared_memory.SharedMemory(m.name)
    print(bytes(other.buf[:3]))
    other.close()
    m.close()
    m.unlink()
    a, b = mp.Pipe(False)
    p = mp.Process(target=lambda: b.send({'k': [1, 2]}))
    p.start()
    print(a.recv())
    p.join()
    p = mp.Process(target=lambda: os._exit(5))
    p.start()
    p.join()
    print(p.exitcode)
    e = mp.Event()
    p = mp.Process(target=e.set)
    p.start()
    print(e.wait(10))
    p.join()
