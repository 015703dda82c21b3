#!/bin/bash
# A real tree in and out: names, contents, types, modes, owners, times, links.
. "$(dirname "$0")/lib.sh"
begin
mkdir "$work/in"
cp -a /usr/include/linux /usr/include/openssl "$work/in/"
ln -s linux/fs.h "$work/in/symlink"
ln -s /nowhere/at/all "$work/in/dangling"
ln "$work/in/linux/fs.h" "$work/in/hardlink"
mkdir -p "$work/in/empty" "$work/in/deep/a/b/c/d/e/f/g/h"
printf 'odd' >"$work/in/$(printf 'new\nline\ttab\351"\\')"
printf 'long' >"$work/in/$(printf 'x%.0s' $(seq 255))"
chmod 6755 "$work/in/deep"
chown 1234:5678 "$work/in/empty"

check "copied in" cp -a "$work/in" "$mnt/in"
check "equal on the mount" same_tree "$work/in" "$mnt/in"
check "copied out" cp -a "$mnt/in" "$work/out"
check "equal after the round trip" same_tree "$work/in" "$work/out"
list() { (cd "$1" && find . -printf '%p %y %m %U %G %n %l %T@\n' | grep -v '^. ' | LC_ALL=C sort); }
list "$work/in" >"$work/list.in"
list "$mnt/in" >"$work/list.mnt"
check "same types, modes, owners, link counts, targets and times" diff <(grep -v ' d ' "$work/list.in") <(grep -v ' d ' "$work/list.mnt")
check "tar reads it" tar -C "$mnt" -cf "$work/tar" in
check "removed" rm -rf "$mnt/in"
[ -z "$(ls -A "$mnt")" ] || fail "the mount is not empty: $(ls -A "$mnt")"
