# SPDX-License-Identifier: MIT
# shells: ash bash mksh
# Background processes, wait, signals and traps between them.
(exit 3) &
wait $!
echo "first $?"
# A shell in between fork and exec may take the signal for itself: give it time.
sleep 100 &
sleep 0.2
kill $!
# ash has a word on a child that `wait` itself reaps, and none on one that it reaped at the end of
# an earlier command, for which SIGCHLD must have come by then: a race, on any kernel. So let it be
# reaped first.
while kill -0 $! 2>/dev/null; do sleep 0.01; done
wait $!
echo "killed $?"
trap 'echo caught' USR1
kill -USR1 $$
echo after
trap '' TERM
kill -TERM $$
echo "still here"
trap - TERM
(trap 'echo inner; exit 9' TERM; sleep 0.1; kill -TERM $(exec sh -c 'echo $PPID'); echo not reached)
echo "inner $?"
for n in 1 2 3 4 5; do
    (exit $n) &
    eval "p$n=$!"
done
sum=0
for n in 1 2 3 4 5; do
    eval "wait \$p$n"
    sum=$((sum + $?))
done
echo "sum $sum"
# The shell's own word on it names the process.
{ sh -c 'kill -KILL $$'; } 2>/dev/null
echo "shell $?"
( sh -c 'exit 7' )
echo "nested $?"
no-such-command 2>/dev/null
echo "missing $?"
/etc/passwd 2>/dev/null
echo "not executable $?"
