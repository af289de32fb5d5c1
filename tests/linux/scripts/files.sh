# SPDX-License-Identifier: MIT
# shells: ash bash mksh mksh-klibc
# Files, folders, patterns and tests, in a folder of its own.
umask 022
mkdir scratch-shell && cd scratch-shell || exit 1
echo one > a
echo two >> a
echo three > b.txt
mkdir -p deep/er/still
cp a deep/copy
mv b.txt deep/er/
ln -s a link
ln a hard
wc -l < a
cat link
ls -1
ls -R deep
find . -type f | sort
[ -f a ] && [ -d deep ] && [ -L link ] && [ ! -e nothing ] && echo tests
[ a -ef hard ] && echo same file
[ -s a ] && [ -x deep ] && [ ! -x a ] && echo more tests
chmod 750 a
stat -c '%a %h %s' a
for name in *; do printf '%s ' "$name"; done
echo
echo d*/*
echo nothing*here
grep -r t . | sort
sed -i s/one/ONE/ a
cat a
rm -r deep
touch c
cat c nothing
echo "status $?"
cd ..
rm -rf scratch-shell
ls -d scratch-shell 2>/dev/null || echo cleaned
