# SPDX-License-Identifier: MIT
# asyncio: tasks, subprocesses, queues, timeouts, pipes.
import asyncio

async def square(x):
    await asyncio.sleep(0.01)
    return x * x

async def main():
    print(await asyncio.gather(*(square(i) for i in range(5))))
    p = await asyncio.create_subprocess_exec('sort', '-r', stdin=-1, stdout=-1)
    print((await p.communicate(b'a\nc\nb\n'))[0], p.returncode)
    try:
        await asyncio.wait_for(asyncio.sleep(5), 0.02)
    except asyncio.TimeoutError:
        print('timeout')
    q = asyncio.Queue()
    t = asyncio.create_task(q.get())
    await q.put(7)
    print(await t)
    print(await asyncio.to_thread(sum, range(10)))
    p = await asyncio.create_subprocess_shell('exit 5')
    print(await p.wait())
asyncio.run(main())
