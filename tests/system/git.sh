#!/bin/bash
# git works on the mount: clone, fsck, commit, branch, gc, clone back.
. "$(dirname "$0")/lib.sh"
begin
export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@localhost GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@localhost
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
if git -C "$root" rev-parse HEAD >/dev/null 2>&1; then
	source=$root
else # a source tree without history
	source=$work/source
	cp -r "$root/libdfsproto" "$source"
	git -C "$source" init -q
	git -C "$source" add .
	git -C "$source" commit -qm start
fi
check "cloned onto the mount" git clone -q --no-hardlinks "$source" "$mnt/repository"
cd "$mnt/repository"
check "fsck" git fsck --full --strict
[ -z "$(git status --porcelain)" ] || fail "a fresh clone is not clean"
for i in 1 2 3 4 5; do
	echo "line $i" >>notes
	git add notes
	git commit -qm "note $i"
done
git checkout -q -b side HEAD~3
git checkout -q -
check "gc" git gc -q
check "fsck after gc" git fsck --full
check "cloned back" git clone -q "$mnt/repository" "$work/back"
check "equal" diff -r --exclude=.git "$mnt/repository" "$work/back"
cd "$work"
