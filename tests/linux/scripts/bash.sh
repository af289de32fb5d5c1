# SPDX-License-Identifier: MIT
# shells: bash
# What bash alone has.
words=(zero "one one" two)
words+=(three)
echo "${#words[@]} ${words[1]} ${words[@]: -1}"
declare -A map=([red]=1 [green]=2)
map[blue]=3
for key in $(printf '%s\n' "${!map[@]}" | sort); do echo "$key ${map[$key]}"; done
text="Hello World"
echo "${text,,} ${text^^} ${text/World/there} ${text:6:3}"
[[ $text =~ ^H(.*)d$ ]] && echo "${BASH_REMATCH[1]}"
for ((i = 0; i < 3; i++)); do printf '%d ' $i; done
echo {a..e} {1..3}{x,y}
while read -r a b; do echo "$b-$a"; done < <(printf 'x y\n1 2\n')
diff <(seq 3) <(seq 4) | tail -1
printf '%q %5.2f %x\n' "a b" 3.14159 255
set -o pipefail
false | true
echo "pipefail $?"
coproc cat
echo sent >&"${COPROC[1]}"
read -r answer <&"${COPROC[0]}"
echo "$answer"
