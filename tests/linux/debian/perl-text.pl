# SPDX-License-Identifier: MIT
# Strings, hashes, sorting, local files.
use strict; use warnings;
my %count;
$count{$_}++ for split //, "mississippi"; print map { "$_$count{$_} " } sort keys %count;
print "\n"; open(my $out, ">", "/srv/p") or die; printf $out "%03d %s\n", $_, "x" x $_ for 1 .. 5;
close $out; open(my $in, "<", "/srv/p") or die; my @lines = <$in>;
print scalar(@lines), $lines[-1];
print join(",", (stat "/srv/p")[7, 3]), "\n"; rename "/srv/p", "/srv/q";
print -e "/srv/p" ? 1 : 0;
print -s "/srv/q", "\n"; unlink "/srv/q";
print sprintf("%.4f %s", atan2(1, 1) * 4, pack("N", 65)), "\n";
(my $t = "a.b.c") =~ s/\./-/g; print "$t ", join("|", "k1=v1,k2=v2" =~ /(\w+)=(\w+)/g), "\n";
my @t = gmtime(86400 * 365); print "$t[5] $t[7]\n"; opendir(my $d, "/proc/self/fd") or die;
print scalar(grep { /^[012]$/ } readdir $d), "\n"; eval { die "gone\n" }; print "caught $@";
