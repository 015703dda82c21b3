#!/bin/bash
# overlayfs with its upper directory on the mount, as containers have it: names that go, move and come back, with whiteouts, opaque
# directories and copied-up files that are right after a remount and from another mount.
. "$(dirname "$0")/lib.sh"
at=$work/merged
after() { ! mountpoint -q "$at" || umount -l "$at"; }
begin --mounts 2
grep -qw overlay /proc/filesystems || modprobe overlay 2>/dev/null || { echo "$test_name: skipped, this kernel has no overlayfs"; exit 0; }
mkdir "$at" "$work/lower" "$mnt/upper" "$mnt/work"
cp -a "$root/libdfsproto/." "$work/lower"
ln -s wire "$work/lower/link"
mkdir "$work/wanted"
cp -a "$work/lower/." "$work/wanted"
merge() { mount -t overlay overlay -o "lowerdir=$work/lower,upperdir=$1/upper,workdir=$1/work" "$at"; }
change() {
	rm "$1/base/list.h" "$1/link"
	mv "$1/base/map.h" "$1/base/renamed.h"
	mv "$1/base/buf.h" "$1/base/heap.h"
	rm -r "$1/wire" && mkdir "$1/wire" && echo new >"$1/wire/only"
	echo more >>"$1/base/prng.h"
	chmod 600 "$1/base/crc32c.c"
	mkdir "$1/made" && mv "$1/base/step.h" "$1/made/" && echo back >"$1/base/step.h"
	setfattr -n user.a -v b "$1/base/prng.h"
}
check "an upper directory on the mount" merge "$mnt"
complains=$(dmesg 2>/dev/null | grep -c 'overlayfs: .*does not support' || true)
check "changes" change "$at"
change "$work/wanted"
check "are seen" same_tree "$work/wanted" "$at"
[ "$(stat -c '%F %t:%T' "$mnt/upper/base/map.h")" = "character special file 0:0" ] || fail "no whiteout: $(stat "$mnt/upper/base/map.h")"
[ "$(dmesg 2>/dev/null | grep -c 'overlayfs: .*does not support' || true)" = "$complains" ] || fail "$(dmesg | grep overlayfs: | tail -n 3)"
umount "$at"
"$cluster" stop "$c" mnt1
"$cluster" start "$c" mnt1
for from in "$mnt" "$c/mnt2"; do
	check "again from $(basename "$from")" merge "$from"
	check "all is as it was" same_tree "$work/wanted" "$at"
	[ "$(stat -c %a "$at/base/crc32c.c") $(getfattr --only-values --absolute-names -n user.a "$at/base/prng.h")" = "600 b" ] || fail "mode, attribute"
	umount "$at"
done
