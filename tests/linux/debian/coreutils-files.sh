# SPDX-License-Identifier: MIT
# Files made, copied, linked, moved, removed, told.
mkdir -p /srv/cf/a/b && cd /srv/cf || exit
umask 022
seq 100 > a/numbers; cp -a a c; ln a/numbers hard; ln -s a/numbers soft
stat -c '%n %s %h %A %F' a/numbers soft | sort; stat -c '%n %h %A %F' a
chmod 640 hard; stat -c %a a/numbers; readlink soft; realpath soft
mv c/numbers moved; ls -1 -F; ls -R c
touch -d @1000000000 moved; stat -c %Y moved; date -u -r moved +%F
install -m 700 -D moved x/y/z; ls -l x/y/z | cut -c1-10
truncate -s 5000 moved; du -b moved; dd if=moved bs=1000 skip=1 count=2 status=none | wc -c
cmp hard a/numbers && echo same; cp --reflink=auto hard copy && cmp hard copy && echo copied
rmdir c; echo $?; rm -r c x; mktemp -u /srv/cf/XXXX | wc -c
test hard -ef a/numbers && echo ef; [ moved -ot hard ] && echo older
shred -u -n 1 copy; ls; cd /; rm -rf /srv/cf
