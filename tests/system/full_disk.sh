#!/bin/bash
# A full disk: the writer gets ENOSPC, what was stored stays whole, and deleting makes room again.
. "$(dirname "$0")/lib.sh"
after() { ! mountpoint -q "$work/small" || umount "$work/small"; }
begin
"$cluster" stop "$c" cs1
truncate -s 150M "$work/image"
mkfs.ext4 -q -F "$work/image"
mkdir "$work/small"
mount -o loop "$work/image" "$work/small"
rm -rf "$c/cs1"
mkdir "$work/small/cs1"
ln -s "$work/small/cs1" "$c/cs1"
"$cluster" start "$c" cs1
head -c 5M /dev/urandom >"$work/keep"
check "a file fits" until_true 20 cp "$work/keep" "$mnt/keep"
sync "$mnt/keep"
! dd if=/dev/zero of="$mnt/fill" bs=1M count=400 conv=fsync 2>"$work/said" || fail "400 MiB fit on a disk of 150"
grep -q 'No space left on device' "$work/said" || fail "not ENOSPC: $(cat "$work/said")"
echo "ok: ENOSPC to the writer"
check "the earlier file is whole" cmp "$work/keep" "$mnt/keep"
check "names can still be made and removed" sh -c "mkdir $mnt/d && rmdir $mnt/d"
rm "$mnt/fill"
again() { cp "$work/keep" "$mnt/again" 2>/dev/null && sync "$mnt/again" 2>/dev/null; }
check "room again after deleting" until_true 60 again
check "and it is whole" cmp "$work/keep" "$mnt/again"
"$cluster" stop "$c" mnt1
"$cluster" stop "$c" cs1
"$cluster" start "$c" cs1
"$cluster" start "$c" mnt1
check "whole after a restart" cmp "$work/keep" "$mnt/keep"
"$cluster" stop "$c" mnt1
"$cluster" stop "$c" cs1
