# SPDX-License-Identifier: MIT
# tar with bzip2 and xz.
mkdir -p /srv/ar/t/sub && cd /srv/ar || exit
seq 2000 > t/a; head -c 70000 /dev/zero > t/sub/z; ln t/a t/hard; ln -s a t/soft
chmod 600 t/sub/z; touch -d @1000000000 t/a t/sub/z
for how in j J; do
    tar --sort=name -c${how}f x.tar$how t; rm -rf out; mkdir out; tar xf x.tar$how -C out
    diff -r t out/t && stat -c '%n %a %h %Y' out/t/a out/t/sub/z
done
cd / && rm -rf /srv/ar
