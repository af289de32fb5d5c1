# SPDX-License-Identifier: MIT
# A shared mapping of a file that grows with the file.
import mmap, os, tempfile
with tempfile.TemporaryFile() as f:
    f.write(bytes(10000))
    f.flush()
    m = mmap.mmap(f.fileno(), 0)
    m.resize(20000)
    print(len(m), os.fstat(f.fileno()).st_size)
    m[15000] = 7
    f.seek(15000)
    print(f.read(1))
    m.close()
