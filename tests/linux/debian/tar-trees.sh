# SPDX-License-Identifier: MIT
# tar: a tree with links and dates, there and back.
mkdir -p /srv/ar/t/sub && cd /srv/ar || exit
seq 2000 > t/a; head -c 70000 /dev/zero > t/sub/z; ln t/a t/hard; ln -s a t/soft
chmod 600 t/sub/z; touch -d @1000000000 t/a t/sub/z
for how in "" z; do
    tar --sort=name -c${how}f x.tar$how t; rm -rf out; mkdir out; tar xf x.tar$how -C out
    diff -r t out/t && stat -c '%n %a %h %Y' out/t/a out/t/sub/z
done
tar tvf x.tar --owner=root | awk '{print $1, $3, $6}' | sort
tar cf - t | tar tf - | sort | head -n 3
tar --sparse -cf s.tar t/sub/z; tar df s.tar; echo $?
cd / && rm -rf /srv/ar
