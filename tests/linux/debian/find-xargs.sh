# SPDX-License-Identifier: MIT
# Trees walked, and commands made of what is found.
mkdir -p /srv/fx/{a,b/c} && cd /srv/fx || exit
seq 10 > a/ten; : > b/empty; seq 2000 > b/c/many; ln -s ../a/ten b/link
find . | sort; find . -type f -size +1k; find . -empty; find . -name '*n*' -type f | sort
find . -type l -printf '%p %l %y\n'; find . -type f -exec wc -l {} + | sort
find . -type f -print0 | xargs -0 -n 1 basename | sort; seq 100 | xargs -n 30 echo | wc -l
seq 8 | xargs -P 4 -I@ sh -c 'echo @' | sort; find . -depth -delete; ls -A; echo "left $?"
seq 3 | xargs false; echo $?; cd / && rmdir /srv/fx
