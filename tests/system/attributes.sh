#!/bin/bash
# Modes, owners, times, links, special files, extended attributes, permissions of an ordinary user, locks.
. "$(dirname "$0")/lib.sh"
begin
f=$mnt/file
echo hello >"$f"
chmod 4751 "$f"
[ "$(stat -c %a "$f")" = 4751 ] || fail "chmod"
chown 1000:1001 "$f"
[ "$(stat -c %u:%g "$f")" = 1000:1001 ] || fail "chown"
[ "$(stat -c %a "$f")" = 751 ] || fail "chown does not clear the set-user-id bit"
touch -d '2001-02-03 04:05:06.789012345' "$f"
[ "$(stat -c %y "$f" | cut -c1-29)" = '2001-02-03 04:05:06.789012345' ] || fail "nanosecond times"
ln "$f" "$mnt/second"
[ "$(stat -c %h "$f")" = 2 ] || fail "link count"
[ "$(stat -c %i "$f")" = "$(stat -c %i "$mnt/second")" ] || fail "hard links are one inode"
rm "$f"
[ "$(cat "$mnt/second")" = hello ] || fail "the second name"
target=$(printf 't%.0s' $(seq 4000))
ln -s "$target" "$mnt/link"
[ "$(readlink "$mnt/link")" = "$target" ] || fail "long symbolic link"
mkfifo "$mnt/fifo"
mknod "$mnt/null" c 1 3
echo x >"$mnt/null" || fail "a device node does not work"
[ "$(stat -c '%F %t:%T' "$mnt/null")" = 'character special file 1:3' ] || fail "device numbers"
echo "ok: modes, owners, times, links, special files"

f=$mnt/second
setfattr -n user.one -v first "$f"
setfattr -n user.two -v "$(printf 'v%.0s' $(seq 4000))" "$f"
[ "$(getfattr --only-values -n user.one "$f")" = first ] || fail "extended attribute"
[ "$(getfattr --only-values -n user.two "$f" | wc -c)" = 4000 ] || fail "long extended attribute"
[ "$(getfattr -d "$f" 2>/dev/null | grep -c '^user\.')" = 2 ] || fail "listing extended attributes"
setfattr -x user.one "$f"
! getfattr -n user.one "$f" >/dev/null 2>&1 || fail "a removed attribute is still there"
echo "ok: extended attributes"

as_user() { setpriv --reuid 1500 --regid 1500 --clear-groups -- "$@"; }
chmod 755 "$work" "$c" 2>/dev/null
mkdir -m 700 "$mnt/private"
mkdir -m 1777 "$mnt/tmp"
echo secret >"$mnt/private/s"
! as_user cat "$mnt/private/s" 2>/dev/null || fail "an ordinary user reads a private directory"
as_user sh -c "echo mine >$mnt/tmp/mine" || fail "an ordinary user cannot write into a shared directory"
[ "$(stat -c %u:%g "$mnt/tmp/mine")" = 1500:1500 ] || fail "owner of a user's file"
touch "$mnt/tmp/roots"
! as_user rm -f "$mnt/tmp/roots" 2>/dev/null || fail "the sticky bit is not honoured"
! as_user chown 0 "$mnt/tmp/mine" 2>/dev/null || fail "an ordinary user gave a file away"
mkdir "$mnt/group"
chgrp 4242 "$mnt/group"
chmod 2775 "$mnt/group"
mkdir "$mnt/group/sub"
touch "$mnt/group/file"
[ "$(stat -c '%g %a' "$mnt/group/sub")" = '4242 2755' ] || fail "set-group-id directory: $(stat -c '%g %a' "$mnt/group/sub")"
[ "$(stat -c %g "$mnt/group/file")" = 4242 ] || fail "group of a file in a set-group-id directory"
echo "ok: permissions of an ordinary user"

(
	flock -x 9
	! flock -n -x "$mnt/lock" true || fail "two holders of one lock"
) 9>"$mnt/lock"
flock -n -x "$mnt/lock" true || fail "a released lock stays"
echo "ok: locks"
mkdir "$mnt/many"
(cd "$mnt/many" && seq 1 3000 | xargs touch)
[ "$(ls "$mnt/many" | wc -l)" = 3000 ] || fail "3,000 entries"
[ "$(ls -f "$mnt/many" | sort | uniq -d | wc -l)" = 0 ] || fail "an entry is listed twice"
! rmdir "$mnt/many" 2>/dev/null || fail "a full directory was removed"
[ "$(stat -c %h "$mnt/group")" = 3 ] || fail "link count of a directory"
check "statfs" stat -f "$mnt"
