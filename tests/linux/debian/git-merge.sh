# SPDX-License-Identifier: MIT
# A repository: branches, and a merge of two.
export GIT_AUTHOR_DATE="1000000000 +0000" GIT_COMMITTER_DATE="1000000000 +0000" HOME=/srv
export GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=A GIT_COMMITTER_NAME=A EMAIL=a@example
mkdir /srv/git && cd /srv/git || exit
git init -q -b main repo && cd repo || exit
seq 20 > file; git add file; git commit -qm first; git checkout -q -b side
sed -i 5d file; git commit -qam shorter; git checkout -q main; echo 21 >> file
git commit -qam longer; git merge -q --no-edit side 2>&1; git log --oneline --graph
git grep -n 21; rm -rf /srv/git
