#!/bin/bash
# With every server dead nothing hangs for good: callers can be killed, umount works, and the mount goes on by itself
# when the servers return.
. "$(dirname "$0")/lib.sh"
begin --mounts 2
echo before >"$mnt/file"
head -c 300000 /dev/urandom >"$work/data"
cp "$work/data" "$mnt/data"

within() { # SECONDS COMMAND…: it must have ended by then, however
	local start=${EPOCHREALTIME/./}
	"${@:2}" >/dev/null 2>&1 || true
	local took=$((${EPOCHREALTIME/./} - start))
	[ $took -lt $(($1 * 1000000)) ] || fail "'${*:2}' took $took us"
}
callers() {
	echo 3 >/proc/sys/vm/drop_caches
	within 3 timeout -s KILL 1 ls "$mnt"
	within 3 timeout -s KILL 1 cat "$mnt/file"
	within 3 timeout -s KILL 1 sh -c "echo x >$mnt/new"
	within 3 timeout -s INT 1 ls -l "$mnt"
	within 3 timeout -s KILL 1 df "$mnt"
	within 3 timeout -s KILL 1 mkdir "$mnt/directory"
	within 3 timeout -s KILL 1 mv "$mnt/file" "$mnt/moved"
	within 3 timeout -s KILL 1 rm "$mnt/file"
	within 3 timeout -s KILL 1 sh -c "echo unsaved >>$mnt/open; exec sync $mnt/open"
	within 3 timeout -s KILL 1 dd if=/dev/zero of="$mnt/zeros" bs=1M count=200
	within 3 timeout -s KILL 1 python3 -c 'import mmap, sys; print(sum(mmap.mmap(open(sys.argv[1]).fileno(), 0, prot=1)[::4096]))' "$mnt/data"
}
# A server that hangs: its connections stay, and nothing comes.
for name in cs1 master1; do kill -STOP "$(cat "$c/run/$name.pid")"; done
callers
echo "ok: callers of servers that hang can be killed and interrupted"
for name in cs1 master1; do kill -CONT "$(cat "$c/run/$name.pid")"; done
listed() { timeout -s KILL 10 ls "$mnt" >/dev/null; }
check "the mount goes on with servers that woke up" until_true 60 listed
# A change whose caller was killed may have been made.
restore() {
	rm -rf "$mnt/moved" "$mnt/directory" "$mnt/zeros" "$mnt/new"
	echo before >"$mnt/file"
}
restore
cmp "$work/data" "$mnt/data" || fail "other bytes after servers hung"

"$cluster" kill "$c" cs1
"$cluster" kill "$c" master1
callers
echo "ok: callers can be killed and interrupted"

ls "$mnt" >"$work/listing" 2>&1 &
waiting=$!
within 20 umount "$c/mnt2"
! grep -q " $c/mnt2 " /proc/self/mountinfo || fail "umount left the mount"
echo "ok: umount with every server dead"
kill -0 $waiting 2>/dev/null || fail "a call did not wait for the servers"

"$cluster" start "$c" master1
"$cluster" start "$c" cs1
wait $waiting || fail "the waiting call failed: $(cat "$work/listing")"
grep -Eqx 'file|moved|data' "$work/listing" || fail "the waiting call listed: $(cat "$work/listing")"
echo "ok: the call that waited got its answer"
restore
[ "$(timeout 20 cat "$mnt/file")" = before ] || fail "reading after the return"
check "writing after the return" timeout 20 sh -c "echo after >$mnt/file && sync $mnt/file"
"$cluster" start "$c" mnt2
[ "$(cat "$c/mnt2/file")" = after ] || fail "the second mount"
