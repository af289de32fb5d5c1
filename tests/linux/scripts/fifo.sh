# SPDX-License-Identifier: MIT
# shells: ash bash
# status: 3
#
# Named pipes between the parts of a script.

mkdir scratch-fifo-sh && cd scratch-fifo-sh || exit 1
mkfifo one two
seq 2000 > one &
sort -rn < one > two &
head -n 3 two
wait
(echo from one > one) &
(echo from two > two) &
cat one two
wait
# A loop that reads lines while others come and go: the descriptor for both sides keeps it open.
exec 5<> one
for i in 1 2 3; do echo "line $i" > one; done
for i in 1 2 3; do read -r line <&5; echo "got $line"; done
exec 5<&-
tee two < one > copy &
cat two > other &
seq 5 > one
wait
cmp copy other && wc -l < copy
rm one two copy other
cd ..
rmdir scratch-fifo-sh
exit 3
