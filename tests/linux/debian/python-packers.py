# SPDX-License-Identifier: MIT
# hashlib, bz2, lzma, zlib, zipfile.
import bz2, hashlib, lzma, os, zipfile, zlib
data = bytes(range(256)) * 50
for name in ('md5', 'sha1', 'sha256', 'blake2b', 'sha3_256'):
    print(hashlib.new(name, data).hexdigest()[:16])
print([m.decompress(m.compress(data)) == data for m in (bz2, lzma, zlib)], zlib.crc32(data))
with zipfile.ZipFile('/srv/z.zip', 'w', zipfile.ZIP_DEFLATED) as z:
    z.writestr('f', data)
print(zipfile.ZipFile('/srv/z.zip').testzip())
os.unlink('/srv/z.zip')
