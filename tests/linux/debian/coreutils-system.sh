# SPDX-License-Identifier: MIT
# What programs ask the system.
# status: 124
id -u; id -gn; whoami; pwd; uname -s; uname -m; nproc | grep -c .; tty; echo $?
env -i A=1 B=2 env; printenv HOME; nice -n 5 nice; basename /a/b.c .c; dirname /a/b.c
date -u -d '2026-11-26 12:34:56' +%s; date -u -d @0 '+%Y %j'; sleep 0.01; echo $?
timeout 0.1 sleep 5; echo $?; yes | head -n 3
seq 3 | tee /dev/stderr 2>/dev/null | wc -l; true && ! false; echo $?
expr 6 '*' 7; test -c /dev/null && echo null; stdbuf -oL echo buffered; nohup echo x 2>/dev/null
/usr/sbin/chroot / /bin/echo root; mkfifo /srv/ff; (echo through > /srv/ff &) ; cat /srv/ff
rm /srv/ff
timeout 0.05 cat /dev/zero > /dev/null
