# SPDX-License-Identifier: MIT
# A repository: packed, checked, cloned.
export GIT_AUTHOR_DATE="1000000000 +0000" GIT_COMMITTER_DATE="1000000000 +0000" HOME=/srv
export GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=A GIT_COMMITTER_NAME=A EMAIL=a@example
mkdir /srv/git && cd /srv/git || exit
git init -q -b main repo && cd repo || exit
seq 20 > file; git add file; git commit -qm first; git fsck 2>&1; git gc -q 2>&1; git count-objects
git clone -q . ../copy 2>&1; git -C ../copy log --format=%s; cmp file ../copy/file
rm -rf /srv/git
