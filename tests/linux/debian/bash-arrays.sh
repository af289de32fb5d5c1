# SPDX-License-Identifier: MIT
# Arrays, patterns, arithmetic, here strings: the shell's own work.
declare -A ages=([ann]=31 [bob]=27)
for name in $(printf '%s\n' "${!ages[@]}" | sort); do echo "$name ${ages[$name]}"; done
list=({1..20..3}); echo "${#list[@]} ${list[@]: -2} ${list[*]/1/x}"
text="one two  three"; read -ra words <<< "$text"; echo "${#words[@]} ${words[2]^^}"
[[ "2026-11-26" =~ ^([0-9]+)-([0-9]+) ]] && echo "${BASH_REMATCH[2]}"
printf '%q %05.2f %x\n' "a b" 3.14159 255
echo $((2**40 % 1000)) $((16#ff)) $((010))
