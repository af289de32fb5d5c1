# SPDX-License-Identifier: MIT
# Subshells, jobs, traps, process substitution, coprocesses.
# status: 7
trap 'echo bye' EXIT
trap 'echo usr1' USR1
kill -USR1 $$
(exit 3); echo $?
sleep 0.05 & wait $!; echo "waited $?"
diff <(seq 3) <(seq 4)
coproc CAT { cat; }
echo through >&"${CAT[1]}"; read -r line <&"${CAT[0]}"; echo "$line"
exec {CAT[1]}>&-; wait
echo a | tee >(cat >&2) | wc -c
set -o pipefail; false | true; echo "pipe $?"
bash -c 'kill -TERM $$'; echo "killed $?"
exit 7
