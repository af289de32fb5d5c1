# SPDX-License-Identifier: MIT
# Debian's sh.
cat > /srv/script << 'END'
#!/bin/sh
set -eu
count() { local n=0; while [ $n -lt 3 ]; do n=$((n + 1)); echo "$1 $n"; done; }
count x | while read -r a b; do echo "$b-$a"; done
case "${1-none}" in a*) echo starts with a;; *) echo other;; esac
trap 'echo interrupted' INT; kill -INT $$
(trap - INT; kill -INT $(exec sh -c 'echo $PPID')) || echo "ended $?"
echo "${2:-default} ${1%c} ${1#a} ${#1}"; cd /srv; exec printf '%s\n' "$@"
END
chmod +x /srv/script; /srv/script abc d; /srv/script abc; echo $?; rm /srv/script
sh -c 'echo $0 $1' zero one
sh -c 'set -- a b; shift; echo $#; wait; ulimit -c; times' | head -n 2
