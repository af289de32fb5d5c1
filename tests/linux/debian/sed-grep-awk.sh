# SPDX-License-Identifier: MIT
# The three that scripts are made of.
seq 20 | sed -n '/1/{s/1/x/gp}' ; seq 5 | sed '2,3d;$a end'; echo aXb | sed -E 's/(.)X(.)/\2\1/'
printf 'k=v\nl=w\n' > /srv/s; sed -i.bak 's/=/: /' /srv/s; cat /srv/s /srv/s.bak
rm /srv/s /srv/s.bak
sed --version | head -n 1; seq 4 | sed 'N;s/\n/-/'
seq 100 | grep -c 7; seq 30 | grep -E '^(1|2)?5$'; echo abc | grep -o .; grep -q x /dev/null
echo $?
printf 'one\ntwo\nthree\n' | grep -n -B1 two; mkdir -p /srv/g/h; echo x > /srv/g/h/i
grep -r x /srv/g; rm -r /srv/g
echo 'a1b22' | grep -oP '\d+'
seq 10 | awk '{s += $1; q[$1 % 3] += $1} END {print s, q[0], q[1], q[2]}'
awk 'BEGIN {
    printf "%d %s %.3f\n", 42, substr("hello", 2, 3), atan2(0, -1)
    "echo sub" | getline x; print x}'
printf 'a:b\nc:d\n' | awk -F: -v OFS=- '{$1 = $1; print > "/dev/stderr"} END {print NR; exit 3}'
echo $?
awk 'BEGIN {while (i++ < 3) print i | "sort -r"; close("sort -r"); system("echo system; exit 4")}'
