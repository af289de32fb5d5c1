# SPDX-License-Identifier: MIT
# A repository: commits and what is told of them.
export GIT_AUTHOR_DATE="1000000000 +0000" GIT_COMMITTER_DATE="1000000000 +0000" HOME=/srv
export GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=A GIT_COMMITTER_NAME=A EMAIL=a@example
mkdir /srv/git && cd /srv/git || exit
git init -q -b main repo && cd repo || exit
seq 20 > file; git add file; git commit -qm first
sed -i 5d file; git diff --stat; git commit -qam shorter; git log --oneline; git status -s
git show HEAD:file | md5sum; git tag v1; git rev-parse v1; git blame -s file | tail -n 1
rm -rf /srv/git
