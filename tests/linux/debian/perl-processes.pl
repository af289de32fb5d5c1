# SPDX-License-Identifier: MIT
# fork, pipes, signals, exec, select.
# status: 9
$| = 1; pipe(R, W); my $pid = fork();
if (!$pid) { close R; print W "from child\n"; exit 3 }
close W; print scalar <R>; waitpid $pid, 0; print $? >> 8, "\n";
print `echo backtick; exit 2`, $? >> 8, "\n"; print system("sh", "-c", "kill -9 \$\$"), "\n";
local $SIG{ALRM} = sub { die "alarm\n" }; eval { alarm 1; select undef, undef, undef, 5; };
print $@;
$SIG{CHLD} = sub { print "child\n" }; fork() or exit 0; sleep 5; wait; $SIG{CHLD} = "DEFAULT";
open(P, "-|", "seq 3") or die; print while <P>; close P; open(P, "|-", "sort -r") or die;
print P "$_\n" for 1 .. 3; close P; local $SIG{PIPE} = "IGNORE";
open(P, "|-", "true"); sleep 1; print P "x" x 100000 or print "pipe: $!\n"; close P;
$SIG{USR1} = sub { print "usr1\n" }; kill "USR1", $$; print getppid() == $$ ? 1 : 0, "\n"; exit 9
