#!/bin/bash
# With every server dead nothing hangs for good: callers can be killed, umount works, and the mount goes on by itself
# when the servers return.
. "$(dirname "$0")/lib.sh"
begin --mounts 2
echo before >"$mnt/file"
"$cluster" kill "$c" cs1
"$cluster" kill "$c" master1

within() { # SECONDS COMMAND…: it must have ended by then, however
	local start=${EPOCHREALTIME/./}
	"${@:2}" >/dev/null 2>&1 || true
	local took=$((${EPOCHREALTIME/./} - start))
	[ $took -lt $(($1 * 1000000)) ] || fail "'${*:2}' took $took us"
}
within 3 timeout -s KILL 1 ls "$mnt"
within 3 timeout -s KILL 1 cat "$mnt/file"
within 3 timeout -s KILL 1 sh -c "echo x >$mnt/new"
within 3 timeout -s INT 1 ls -l "$mnt"
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
grep -qx file "$work/listing" || fail "the waiting call listed: $(cat "$work/listing")"
echo "ok: the call that waited got its answer"
[ "$(timeout 20 cat "$mnt/file")" = before ] || fail "reading after the return"
check "writing after the return" timeout 20 sh -c "echo after >$mnt/file && sync $mnt/file"
"$cluster" start "$c" mnt2
[ "$(cat "$c/mnt2/file")" = after ] || fail "the second mount"
