# SPDX-License-Identifier: MIT
# A repository: commits, branches, a merge, a clone.
export GIT_AUTHOR_DATE="1000000000 +0000" GIT_COMMITTER_DATE="1000000000 +0000" HOME=/srv
export GIT_CONFIG_NOSYSTEM=1
git config --global user.name A; git config --global user.email a@example; cd /srv || exit
git config --global init.defaultBranch main; git init -q repo && cd repo || exit
seq 20 > file; git add file; git commit -qm first; git checkout -q -b side
sed -i 5d file; git commit -qam shorter; git checkout -q main; echo 21 >> file
git commit -qam longer
git merge -q --no-edit side 2>&1; git log --oneline --graph; git diff HEAD~1 --stat; git status -s
git show HEAD:file | md5sum; git tag v1; git fsck 2>&1; git gc -q 2>&1; git count-objects
git rev-parse v1; git clone -q . ../copy 2>&1; git -C ../copy log --format=%s | sort
git grep -n 21; git blame -s file | tail -n 1; git stash list; cd /srv
rm -rf repo copy .gitconfig
