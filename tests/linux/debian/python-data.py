# SPDX-License-Identifier: MIT
# Modules with C in them: hashes, packers, json, sqlite3, csv, re, random, zipfile.
import bz2, csv, datetime, decimal, hashlib, io, json, lzma, pickle, random, re, sqlite3, struct
import zipfile, zlib
data = bytes(range(256)) * 50
for name in ('md5', 'sha1', 'sha256', 'blake2b', 'sha3_256'):
    print(hashlib.new(name, data).hexdigest()[:16])
print([m.decompress(m.compress(data)) == data for m in (bz2, lzma, zlib)], zlib.crc32(data))
print(json.dumps(json.loads('{"a": [1, 2.5, null, "\\u00e9"]}'), sort_keys=True))
print(pickle.loads(pickle.dumps({1: {2}})))
db = sqlite3.connect('/srv/py.db')
db.execute('create table t(a, b)')
db.executemany('insert into t values(?, ?)', ((i, str(i)) for i in range(500)))
db.commit()
print(db.execute('select sum(a), max(b) from t').fetchone())
db.close()
print(decimal.Decimal(1) / 7, 2 ** 200 % 1000007, f'{3.14159:.2f}', float.hex(0.1))
random.seed(5)
print(random.random())
print(re.findall('(\\w)(?=\\d)', 'a1b2c'))
print(datetime.datetime(2026, 11, 26, tzinfo=datetime.timezone.utc).timestamp())
out = io.StringIO()
csv.writer(out).writerows([['a,b', 1], ['q"', 2]])
print(out.getvalue())
with zipfile.ZipFile('/srv/z.zip', 'w', zipfile.ZIP_DEFLATED) as z:
    z.writestr('f', data)
print(zipfile.ZipFile('/srv/z.zip').testzip(), struct.pack('>IhQ', 1, -2, 3))
import os
os.unlink('/srv/py.db')
os.unlink('/srv/z.zip')
