# SPDX-License-Identifier: MIT
# Descriptors: opened, duplicated, closed, appended to, read in lines.
cd /srv || exit
exec 5<>file; echo hello >&5; exec 5<&-; cat file
{ echo out; echo err >&2; } > both 2>&1; cat both
echo more >> both; wc -l < both
mapfile -t lines < both; echo "${lines[2]}"
while read -r -n 2 -u 6 part; do echo "[$part]"; done 6< file
cat << END
here $((1 + 1))
END
set -o noclobber; echo x > both; echo "status $?"
(ulimit -n 64; ulimit -n); umask 027; umask
rm both file
