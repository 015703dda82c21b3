#!/bin/bash
# Quotas of trees, users and groups: dd to the limit, many small files, df, moves across borders, chown, grace, a master
# that restarts, two mounts that write at once.
. "$(dirname "$0")/lib.sh"
begin --mounts 2
set -a
. "$c/dfs.env"
set +a
dfs=$DFS_BUILD/admin/dfs
mnt2=$c/mnt2
mib=$((1024 * 1024))
chmod 711 "$work" "$c"
chmod 777 "$mnt"
user=31001 group=31002
as() { setpriv --reuid "$user" --regid "$group" --clear-groups "$@"; }

# used KIND… of dfs quota get: bytes or inodes in use.
used() {
	local what=$1
	shift
	{ "$dfs" quota get "$@" --json || [ $? = 1 ]; } |
		python3 -c 'import json, sys; print(json.load(sys.stdin)["quotas"][0][sys.argv[1]]["used"])' "$what"
}
is() { [ "$(used "$2" "${@:3}")" = "$1" ] || fail "${*:3}: $(used "$2" "${@:3}") $2 instead of $1"; }
is_soon() { until_true 15 test_used "$@" || fail "${*:3}: $(used "$2" "${@:3}") $2 instead of $1"; }
test_used() { [ "$(used "$2" "${@:3}")" = "$1" ]; }
fsck_clean() {
	until_well
	says 0 'no fault' "$dfs" fsck
}

# Not understood, or not possible.
says 3 'did you mean report?' "$dfs" quota reprt
says 3 'needs one directory' "$dfs" quota get
says 3 'the soft limit is above the hard one' "$dfs" quota set "$mnt" --bytes 2G:1G
says 3 'K, M, G, T or P' "$dfs" quota set "$mnt" --bytes 12Q
says 3 '90s, 30m, 12h or 7d' "$dfs" quota set "$mnt" --grace soon
says 2 'root has no limits' "$dfs" quota set --user root --bytes 1G
says 2 'there is no user' "$dfs" quota get --user nobody-of-this-name
says 2 'has no quota' "$dfs" quota get "$mnt"
touch "$mnt/file"
says 2 'is no directory' "$dfs" quota set "$mnt/file" --bytes 1G

# A tree, full.
mkdir -m 777 "$mnt/t" "$mnt/out"
check 'set a tree' "$dfs" quota set "$mnt/t" --bytes 10M --inodes 100
[ "$(df --output=size,avail -B1 "$mnt/t" | tail -n 1 | xargs)" = "$((10 * mib)) $((10 * mib))" ] || fail "df of the tree"
[ "$(df --output=itotal,iavail "$mnt/t" | tail -n 1 | xargs)" = '100 99' ] || fail "df -i of the tree"
[ "$(df --output=size -B1 "$mnt/out" | tail -n 1)" -gt $((100 * mib)) ] || fail "df outside is the cluster's"
as head -c 9000000 /dev/urandom >"$work/data"
says 1 'Disk quota exceeded' as dd if=/dev/zero of="$mnt/t/big" bs=1M count=20
is $((10 * mib)) bytes "$mnt/t"
[ "$(stat -c %s "$mnt2/t/big")" = $((10 * mib)) ] || fail "what was written before is not there"
check 'what was written reads well' cmp -n $((10 * mib)) "$mnt2/t/big" /dev/zero
says 1 'Disk quota exceeded' dd if=/dev/zero of="$mnt2/t/root" bs=4k count=1 conv=fsync # Root as well.
check 'overwriting needs no room' dd if=/dev/urandom of="$mnt/t/big" bs=1M count=10 conv=notrunc,fsync status=none
says 1 'Disk quota exceeded' fallocate -l 1M "$mnt/t/root"
truncate -s 4M "$mnt/t/big"
check 'room after a truncation' as dd if=/dev/zero of="$mnt/t/second" bs=1M count=6 conv=fsync status=none
is $((10 * mib)) bytes "$mnt/t"
fsck_clean

# Many small files.
rm "$mnt/t/second"
is_soon 3 inodes "$mnt/t"
made=0
for i in $(seq 1 120); do
	(: >"$mnt/t/n$i") 2>/dev/null || break
	made=$i
done
is 100 inodes "$mnt/t"
[ "$made" = 97 ] || fail "$made files in a tree of 100 inodes"
[ "$(df --output=iavail "$mnt/t" | tail -n 1 | xargs)" = 0 ] || fail "df -i of the full tree"
says 1 'Disk quota exceeded' mkdir "$mnt/t/more"
rm "$mnt/t"/n*
is_soon 3 inodes "$mnt/t"

# Across the border.
echo x >"$mnt/out/one"
says 1 'Invalid cross-device link' ln "$mnt/out/one" "$mnt/t/one"
check 'a file moves in' mv "$mnt/out/one" "$mnt/t/one"
is 4 inodes "$mnt/t"
mkdir "$mnt/out/dir"
cp "$work/data" "$mnt/out/dir/data"
says 1 'Disk quota exceeded' mv "$mnt/out/dir/data" "$mnt/t/"
rm "$mnt/t/big"
is_soon 4096 bytes "$mnt/t"
says 1 'Invalid cross-device link' python3 -c \
	'import os, sys
try: os.rename(sys.argv[1], sys.argv[2])
except OSError as e: sys.exit(e.strerror)' "$mnt/out/dir" "$mnt/t/dir"
check 'mv copies a directory' mv "$mnt/out/dir" "$mnt/t/dir"
check 'the copy is whole' same "$work/data" "$mnt2/t/dir/data"

# One in the other, over what was there before.
mkdir -p "$mnt/top/a/b"
for i in $(seq 1 300); do echo "$i" >"$mnt/top/a/b/$i"; done
check 'set the inner tree' "$dfs" quota set "$mnt/top/a/b" --inodes 400
is 301 inodes "$mnt/top/a/b"
check 'set the outer tree' "$dfs" quota set "$mnt/top" --inodes 305:310
is 303 inodes "$mnt/top"
is $((300 * 4096)) bytes "$mnt/top"
says 0 'tree /top/a/b' "$dfs" quota report --tree
fsck_clean

# A master that restarts knows all of it.
"$cluster" kill "$c" master1
"$cluster" start "$c" master1
until_true 30 stat "$mnt/top" >/dev/null
is 303 inodes "$mnt/top"
says 1 'Disk quota exceeded' bash -c "for i in 1 2 3 4 5 6 7 8; do : > $mnt/top/a/b/x\$i || exit 1; done"
check 'hand the inner tree back' "$dfs" quota remove "$mnt/top/a/b"
is 310 inodes "$mnt/top"
check 'end the outer tree' "$dfs" quota remove "$mnt/top"
says 2 'has no quota' "$dfs" quota get "$mnt/top"
check 'no limit any more' bash -c "for i in 1 2 3 4 5 6 7 8; do : > $mnt/top/a/b/y\$i || exit 1; done"
rm -rf "$mnt/top"
fsck_clean

# Shared chunks, and what is in the trash, count as all else does, also for a master that restarts.
mkdir "$mnt/mix"
check 'set a tree with a trash' "$dfs" quota set "$mnt/mix" --bytes 200M
"$dfs" trash on "$mnt/mix" >/dev/null
head -c $((64 * mib)) /dev/urandom >"$mnt/mix/one"
check 'a copy that shares' cp "$mnt/mix/one" "$mnt/mix/two"
is $((128 * mib)) bytes "$mnt/mix"
rm "$mnt/mix/two"
is $((128 * mib)) bytes "$mnt/mix"
check 'and another' cp "$mnt/mix/one" "$mnt/mix/three"
says 1 'Disk quota exceeded' cp "$mnt/mix/one" "$mnt/mix/four"
is $((200 * mib)) bytes "$mnt/mix"
rm "$mnt/mix/four"
truncate -s 200M "$mnt/mix/three"
says 1 'Disk quota exceeded' dd if=/dev/zero of="$mnt/mix/three" bs=1 count=1 seek=$((100 * mib)) conv=notrunc,fsync
check 'overwriting among holes needs no room' \
	dd if=/dev/urandom of="$mnt/mix/three" bs=1M count=8 seek=8 conv=notrunc,fsync status=none
"$cluster" kill "$c" master1
"$cluster" start "$c" master1
until_true 30 stat "$mnt/mix" >/dev/null
is $((200 * mib)) bytes "$mnt/mix"
check 'restore within the tree' "$dfs" trash restore "$mnt/mix/two"
check 'what was restored is whole' same "$mnt/mix/one" "$mnt2/mix/two"
fsck_clean
check 'end the mixed tree' "$dfs" quota remove "$mnt/mix"
rm -rf "$mnt/mix"
"$dfs" trash empty >/dev/null
fsck_clean

# Users and groups; grace.
check 'set a user' "$dfs" quota set --user $user --bytes 1M:2M --grace 4s
check 'set a group' "$dfs" quota set --group $group --bytes 0:5M
says 1 'Disk quota exceeded' as dd if=/dev/zero of="$mnt/u" bs=64k count=100
is $((2 * mib)) bytes --user $user
as truncate -s 1536K "$mnt/u"
sleep 5
says 1 over "$dfs" quota get --user $user
says 1 'Disk quota exceeded' as dd if=/dev/zero of="$mnt/u" bs=64k seek=24 count=1 conv=notrunc,fsync
as truncate -s 512K "$mnt/u"
check 'below the soft limit it may grow again' as dd if=/dev/zero of="$mnt/u" bs=64k seek=8 count=12 conv=notrunc,fsync status=none
dd if=/dev/zero of="$mnt/gift" bs=1M count=3 status=none
says 1 'Disk quota exceeded' chown $user "$mnt/gift"
check 'the group has room' chgrp $group "$mnt/gift"
says 1 "$user" "$dfs" quota report --user
fsck_clean

# Two mounts at once: over the limit by no more than each of them holds uncommitted, its write-behind buffer (64 MiB).
check 'set a tree for two' "$dfs" quota set "$mnt/out" --bytes 100M
dd if=/dev/zero of="$mnt/out/1" bs=1M count=300 2>"$work/1" & one=$!
dd if=/dev/zero of="$mnt2/out/2" bs=1M count=300 2>"$work/2" & two=$!
wait $one && fail "the first writer was not stopped"
wait $two && fail "the second writer was not stopped"
grep -q 'Disk quota exceeded' "$work/1" || fail "first writer: $(cat "$work/1")"
grep -q 'Disk quota exceeded' "$work/2" || fail "second writer: $(cat "$work/2")"
sync -f "$mnt/out/1" "$mnt2/out/2" || true
bytes=$(used bytes "$mnt/out")
echo "two writers used $((bytes / mib)) MiB of 100"
[ "$bytes" -ge $((100 * mib)) ] && [ "$bytes" -le $(((100 + 2 * 64) * mib)) ] || fail "$bytes bytes in a tree of 100 MiB"
fsck_clean
