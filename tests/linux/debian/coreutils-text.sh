# SPDX-License-Identifier: MIT
# Text through filters.
seq 1000 | sort -R | sort -n | uniq | tail -n 2
seq 30000 | sort -r --parallel=2 -S 64K | head -n 2
printf 'b 2\na 1\nc 3\n' | sort -k2,2nr | tr a-z A-Z
seq 5 | paste -sd+ ; seq 6 | paste - - ; seq 3 | tac; seq 20 | split -l 7 - /srv/part
ls /srv/part*
cat /srv/part* | md5sum; rm /srv/part*
printf 'x\ty\n' | expand | cat -A; echo abcdef | cut -c2-4
join <(printf '1 a\n2 b\n') <(printf '1 x\n2 y\n'); comm -12 <(seq 5) <(seq 3 8)
fold -w 10 <<< "the quick brown fox"; nl <<< line; od -An -tx1 <<< hi; base64 <<< hello
head -c 100000 /dev/zero | sha256sum; echo 1234567 | numfmt --to=iec; factor 360360
seq -s, 1 .5 3
tsort <<< "a b b c"; printf '%s\n' one two | shuf -n 2 | sort; wc <<< "a b c"
