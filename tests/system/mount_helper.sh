#!/bin/bash
# mount.dfs as mount(8), fstab and people call it: types, options, subtrees, remount, background, and errors that say what to do.
# A private mount namespace holds a /sbin/mount.dfs and an /etc/fstab of this test.
. "$(dirname "$0")/lib.sh"
if [ -z "${MOUNT_HELPER_INSIDE:-}" ]; then
	rmdir "$work"
	trap - EXIT
	exec env MOUNT_HELPER_INSIDE=1 unshare --mount --propagation private bash "$0"
fi
begin
# shellcheck source=/dev/null
. "$c/dfs.env"
helper=$DFS_BUILD/fuse/mount.dfs
source=$DFS_MASTERS:/
options=key=$DFS_KEY,log=$work/mount.log
at=$work/at
mkdir "$at" "$work/sbin" "$mnt/home" "$mnt/home/joe"
echo hello >"$mnt/home/joe/file"
# mount(8) looks in /sbin; the machine's own is left alone.
cp "$helper" "$work/sbin/mount.dfs"
made=()
for name in mount.dfs mount.fuse.dfs; do
	[ -e /sbin/$name ] || { touch /sbin/$name && made+=(/sbin/$name); }
	mount --bind "$work/sbin/mount.dfs" "$(readlink -f /sbin/$name)"
done
after() {
	while umount -l "$at" 2>/dev/null; do :; done
	umount /etc/fstab 2>/dev/null
	umount /sbin/mount.dfs /sbin/mount.fuse.dfs 2>/dev/null
	[ ${#made[@]} = 0 ] || rm -f "${made[@]}"
	return 0
}
served() { pgrep -f "mount.dfs $1 $at" >/dev/null; }
unmounted() { ! grep -q " $at " /proc/self/mountinfo; }

check "mount -t dfs" mount -t dfs "$source" "$at" -o "$options"
[ "$(findmnt -no SOURCE,FSTYPE "$at" | tr -s ' ')" = "$source fuse.dfs" ] || fail "findmnt: $(findmnt -no SOURCE,FSTYPE "$at")"
[ "$(df --output=source "$at" | tail -n 1)" = "$source" ] || fail "df: $(df "$at")"
[ "$(cat "$at/home/joe/file")" = hello ] || fail "reading"
grep -q 'event=ready' "$work/mount.log" || fail "the log does not say ready"
code=0
said=$(mount -t dfs "$source" "$at" -o "$options" 2>&1) || code=$?
[ $code = 32 ] || fail "mounting twice: exit $code"
case $said in *"already mounted"*) ;; *) fail "mounting twice says: $said" ;; esac
check "remount read-only" mount -o remount,ro "$at"
! touch "$at/no" 2>/dev/null || fail "a read-only mount was written"
check "remount read-write" mount -o remount,rw "$at"
check "writing again" touch "$at/yes"
check "umount" umount "$at"
ended() { ! served "$source"; }
check "the process ends by itself" until_true 10 ended

check "a subtree, with options" mount -t dfs "$source"home/joe "$at" -o "$options,ro,nosuid,nodev,noexec,noatime,write_behind=8M,timeout=30"
[ "$(cat "$at/file")" = hello ] || fail "the subtree"
findmnt -no OPTIONS "$at" | grep -q 'ro,nosuid,nodev,noexec,noatime' || fail "kernel options: $(findmnt -no OPTIONS "$at")"
[ "$(stat -c %F "$at/..")" = directory ] || fail "the parent of the mount"
umount "$at"

cp /etc/fstab "$work/fstab" 2>/dev/null || : >"$work/fstab"
echo "$source $at dfs noauto,_netdev,nofail,x-systemd.automount,comment=test,$options 0 0" >>"$work/fstab"
[ -e /etc/fstab ] || touch /etc/fstab
mount --bind "$work/fstab" /etc/fstab
check "a line of fstab" mount "$at"
[ "$(cat "$at/home/joe/file")" = hello ] || fail "through fstab"
check "umount by directory" umount "$at"

# Errors: exit 32, one sentence, nothing mounted.
refused() { # PATTERN ARGUMENTS…
	local pattern=$1 code=0
	shift
	timeout -s KILL 20 mount -t dfs "$@" >"$work/said" 2>&1 || code=$?
	[ $code = 32 ] || [ $code = 1 ] || fail "mount $* exits with $code: $(cat "$work/said")"
	grep -Eqi -- "$pattern" "$work/said" || fail "mount $* does not say '$pattern' but: $(cat "$work/said")"
	unmounted || fail "mount $* left a mount"
	echo "ok: $(tail -n 1 "$work/said" | cut -c1-150)"
}
refused 'Unknown option "frob".*write_behind' "$source" "$at" -o "$options,frob=1"
refused 'no ":/"' host "$at" -o "$options"
refused 'no such file.*make the directory' "${source}not/there" "$at" -o "$options"
refused 'not a directory' "${source}home/joe/file" "$at" -o "$options"
refused 'within 2 s' 127.0.0.1:1:/ "$at" -o "$options,retry=2"
(umask 077 && printf '%064d\n' 7 >"$work/other.key")
refused 'key' "$source" "$at" -o "key=$work/other.key,log=$work/mount.log,retry=5"
start=$SECONDS
refused 'key' "$source" "$at" -o "key=$work/other.key,log=$work/mount.log,retry=60"
[ $((SECONDS - start)) -lt 15 ] || fail "a wrong key took $((SECONDS - start)) s to refuse"
refused 'does not exist|not found|no such' "$source" "$work/nowhere" -o "$options"
refused 'not writ|Cannot write the log' "$source" "$at" -o "key=$DFS_KEY,log=/proc/nowhere/log"
check "the unknown is skipped with -s" mount -s -t dfs "$source" "$at" -o "$options,frob=1"
umount "$at"

"$cluster" stop "$c" master1
check "bg returns although nobody answers" mount -t dfs "$source" "$at" -o "$options,bg,retry=1"
unmounted || fail "mounted without a master"
"$cluster" start "$c" master1
mounted() { ! unmounted; }
check "and mounts when the master is back" until_true 20 mounted
[ "$(timeout 20 cat "$at/home/joe/file")" = hello ] || fail "the background mount"

pid=$(pgrep -f "mount.dfs $source $at")
kill -9 "$pid"
until_true 5 sh -c "! kill -0 $pid 2>/dev/null"
! ls "$at" >/dev/null 2>&1 || fail "a mount without its process still answers"
refused_stale() {
	! "$helper" "$source" "$at" -o "$options" >"$work/said" 2>&1 && grep -q 'umount -l' "$work/said"
}
check "mounting over a dead mount says what to do" refused_stale
check "which works" umount -l "$at"
check "and then it mounts" mount -t dfs "$source" "$at" -o "$options"
echo last >"$at/last"
pid=$(pgrep -f "mount.dfs $source $at")
kill -TERM "$pid"
check "SIGTERM unmounts" until_true 10 unmounted
[ "$(cat "$mnt/last")" = last ] || fail "what was written before SIGTERM"
