# SPDX-License-Identifier: MIT
# shells: ash bash mksh mksh-klibc
# Numbers, variables and their expansions.
a=7 b=3
echo $((a * b)) $((a / b)) $((a % b)) $((-a)) $((a << b)) $((a & b)) $((a > b)) $((!a))
echo $((1000000 * 1000)) $((0x1f)) $((010))
i=0
while [ $i -lt 5 ]; do
    i=$((i + 1))
    [ $i -eq 3 ] && continue
    printf '%d ' $i
done
echo
text=/usr/lib/file.tar.gz
echo "${text##*/} ${text%/*} ${text%%.*} ${#text} ${missing:-default} ${text:+set}"
set -- one "two words" three
echo $# "$2" "$*"
shift
echo $# "$1"
for word in "$@"; do echo "[$word]"; done
unset missing
: ${missing=given}
echo $missing
