# SPDX-License-Identifier: MIT
# Differences.
cd /srv || exit
seq 10 > one; seq 10 | sed '5d;8s/$/x/' > two
diff one two; echo $?; diff -u one two | tail -n +3; diff -y -W 20 one two | head -n 6
cmp one two
diff3 one two one | head -n 4; sdiff -s -w 20 one two; diff -q one one && echo same; rm one two
