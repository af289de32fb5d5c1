# SPDX-License-Identifier: MIT
# gzip, bzip2, xz: there and back, what they tell, what is no archive.
# status: 1
mkdir -p /srv/ar && cd /srv/ar || exit
seq 2000 > a; head -c 70000 /dev/zero > z
gzip -9c a | gzip -dc | cmp - a; bzip2 -c a | bunzip2 | cmp - a; xz -T2 -c a | unxz | cmp - a
gzip -k z; gzip -l z.gz | tail -n 1; zcat z.gz | wc -c
cd / && rm -rf /srv/ar
echo junk | gunzip
