# SPDX-License-Identifier: MIT
# threading, queue, concurrent.futures.
import concurrent.futures, queue, threading, time
lock, total = (threading.Lock(), 0)

def add(count):
    global total
    for _ in range(count):
        with lock:
            total += 1
threads = [threading.Thread(target=add, args=(2000,)) for _ in range(8)]
[t.start() for t in threads]
[t.join() for t in threads]
print(total)
q = queue.Queue(5)

def worker():
    while (item := q.get()) is not None:
        results.append(item * item)
results = []
t = threading.Thread(target=worker)
t.start()
for i in range(50):
    q.put(i)
q.put(None)
t.join()
print(sum(results))
with concurrent.futures.ThreadPoolExecutor(4) as pool:
    print(list(pool.map(lambda x: x + 1, range(10))))
event = threading.Event()
threading.Timer(0.05, event.set).start()
print(event.wait(5), event.wait(0.01))
barrier = threading.Barrier(3)
order = []

def meet():
    barrier.wait()
    order.append(1)
ts = [threading.Thread(target=meet) for _ in range(3)]
[t.start() for t in ts]
[t.join() for t in ts]
print(len(order))
local = threading.local()
local.x = 1
print(threading.active_count(), threading.get_native_id() > 0)
c = threading.Condition()
with c:
    print(c.wait(0.01))
s = threading.Semaphore(0)
print(s.acquire(timeout=0.01))
start = time.monotonic()
time.sleep(0.05)
print(time.monotonic() - start >= 0.05)
