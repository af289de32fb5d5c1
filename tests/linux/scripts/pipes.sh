# SPDX-License-Identifier: MIT
# shells: ash bash mksh mksh-klibc
# Pipelines, redirections, here-documents, descriptors.
seq 1000 | sort -rn | head -3
seq 100000 | tail -1
echo error >&2 | cat
{ echo out; echo error >&2; } 2>&1 | sort
cat <<END
a here-document with $((1 + 1)) and $(echo a command)
END
cat <<'END'
as it is: $((1 + 1))
END
exec 3>&1
echo "through 3" >&3
exec 3>&-
echo gone 2>/dev/null >&3 || echo "3 is closed"
seq 5 | (read -r first; echo "first $first"; cat)
yes | head -2
echo text | tee /dev/null | cat | cat | cat
false | true
echo "status of a pipeline $?"
x=$(seq 3 | while read -r n; do echo -n "$n,"; done)
echo $x
