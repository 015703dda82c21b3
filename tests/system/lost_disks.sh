#!/bin/bash
# A chunkserver's disk, then the master's, fails while it is in use (ext4 told to shut down: every call gives an I/O error). Readers
# get an error soon, or the bytes, and never others; new data goes elsewhere; the master stops with a word about its disk. When the
# disks are back, nothing that was synced is missing.
. "$(dirname "$0")/lib.sh"
after() {
	local name
	for name in cs1 cs2 master1; do ! mountpoint -q "$work/disk.$name" || umount "$work/disk.$name"; done
}
begin --chunkservers 2
attach() { mount -o loop "$work/image.$1" "$work/disk.$1"; }
give_disk() { # NAME: an ext4 of its own
	"$cluster" stop "$c" "$1"
	truncate -s 300M "$work/image.$1"
	mkfs.ext4 -q -F "$work/image.$1"
	mkdir "$work/disk.$1"
	attach "$1"
	cp -a "$c/$1" "$work/disk.$1/data"
	rm -rf "${c:?}/$1"
	ln -s "$work/disk.$1/data" "$c/$1"
	sync -f "$work/disk.$1"
	"$cluster" start "$c" "$1"
}
break_disk() {
	python3 -c 'import fcntl, os, struct, sys; fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587D, struct.pack("I", 1))' \
		"$work/disk.$1"
}
bring_back() { # NAME: its daemon is dead
	umount "$work/disk.$1"
	attach "$1"
	"$cluster" start "$c" "$1"
}
give_disk cs1
give_disk cs2
give_disk master1
# Both servers have to be back before anything is written, or one gets it all.
until_well
mkdir "$work/files" "$mnt/files"
for i in $(seq 40); do head -c $((i * 3000)) /dev/urandom >"$work/files/$i"; done
cp "$work"/files/* "$mnt/files/"
sync "$mnt"/files/*
stored() { find "$c/$1/data/" -type f | wc -l; }
[ "$(stored cs1)" -gt 5 ] && [ "$(stored cs2)" -gt 5 ] || fail "all chunks on one server: $(stored cs1) and $(stored cs2)"
"$cluster" stop "$c" mnt1
"$cluster" start "$c" mnt1

break_disk cs1
echo 3 >/proc/sys/vm/drop_caches
right=0 error=0
for i in $(seq 40); do
	code=0
	timeout -s KILL 15 cat "$mnt/files/$i" >"$work/got" 2>/dev/null || code=$?
	[ $code != 137 ] || fail "reading $i hangs"
	if [ $code != 0 ]; then
		error=$((error + 1))
	else
		cmp "$work/got" "$work/files/$i" || fail "$i has other bytes"
		right=$((right + 1))
	fi
done
echo "ok: the chunkserver's disk failed: $right files read, $error with an error"
[ $right -ge "$(stored cs2)" ] || fail "files on the other server cannot be read"
for i in 1 2 3 4 5; do
	timeout -s KILL 20 sh -c "cat $work/files/$i >$mnt/new$i && sync $mnt/new$i" || fail "writing new$i: $?"
done
echo "ok: new files go to the other server"
grep -Eq 'event=(read_error|disk_failed)' "$c/log/cs1.log" || fail "the chunkserver says nothing"
"$cluster" kill "$c" cs1 2>/dev/null || echo "it had stopped by itself"
bring_back cs1
for i in 1 2 3 4 5; do cmp "$work/files/$i" "$mnt/new$i" || fail "new$i"; done
equal() { timeout -s KILL 20 diff -r "$work/files" "$mnt/files" >/dev/null 2>&1; }
check "the disk is back: every file is whole" until_true 60 equal

(for i in $(seq 3000); do mkdir "$mnt/d$i" 2>/dev/null || break; echo "$i" >"$work/made"; done) &
maker=$!
some() { [ "$(cat "$work/made" 2>/dev/null || echo 0)" -gt 20 ]; }
until_true 30 some || fail "mkdir does not get on"
break_disk master1
stopped() { [[ $("$cluster" status "$c" || true) == *"master1 stopped"* ]]; }
check "a master without its disk stops" until_true 30 stopped
grep -q 'event=failed error=IO' "$c/log/master1.log" || fail "it does not say why"
bring_back master1
until_true 30 sh -c "[ -d $mnt/files ]" || fail "the mount does not go on"
kill $maker 2>/dev/null || true
wait $maker 2>/dev/null || true
for i in $(seq "$(cat "$work/made")"); do [ -d "$mnt/d$i" ] || fail "d$i was answered, and is gone"; done
echo "ok: all $(cat "$work/made") directories that were answered are there"
check "and every file is whole" equal
for name in mnt1 cs2 cs1 master1; do "$cluster" stop "$c" $name; done
