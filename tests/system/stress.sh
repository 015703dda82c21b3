#!/bin/bash
# stress-ng's file system stressors on the mount, DFS_STRESS_SECONDS (1) each, verifying what they do: none fails, the mount lives,
# neither the kernel nor the daemons have anything to say, nothing is left behind, and dfs fsck agrees.
. "$(dirname "$0")/lib.sh"
seconds=${DFS_STRESS_SECONDS:-1}
# Those of --class filesystem that work on files of the directory they run in, and those that do I/O in their ways.
stressors=(access aio aiol chattr chdir chmod chown copy-file dentry dir dirdeep dirmany dnotify fallocate fanotify fcntl fiemap
	file-ioctl filename flock fpunch fsize fstat getdent handle hdd inode-flags inotify io iomix lease link locka lockf
	lockofd mknod open readahead rename seek sendfile symlink sync-file touch utime xattr)
# Small enough to end, with their cleaning up, soon after their time on a slow disk.
sizes=(--aio-requests 16 --copy-file-bytes 128M --dentries 256 --dirdeep-inodes 256 --fallocate-bytes 16M --hdd-bytes 16M
	--iomix-bytes 16M --readahead-bytes 16M --seek-size 16M --sendfile-size 4M --sync-file-bytes 16M)
begin
complaints() { dmesg 2>/dev/null | grep -ciE 'fuse:|mount\.dfs|BUG:|WARNING:|blocked for more than|general protection' || true; }
before=$(complaints)
mkdir "$mnt/stress"
for name in "${stressors[@]}"; do
	timeout -k 5 100 stress-ng "--$name" 2 "${sizes[@]}" --timeout "${seconds}s" --temp-path "$mnt/stress" --verify >"$work/said" 2>&1 </dev/null ||
		fail "$name: exit $?: $(tail -n 5 "$work/said")"
	! grep -E 'fail:|error:' "$work/said" >&2 || fail "$name"
	[ -z "$(ls -A "$mnt/stress")" ] || fail "$name left behind: $(ls -A "$mnt/stress")"
done
echo "ok: ${#stressors[@]} stressors"
[ "$(complaints)" = "$before" ] || fail "the kernel: $(dmesg | tail -n 20)"
! grep -hE '^[^ ]+ (warn|error) ' "$c"/log/*.log >&2 || fail "the daemons complain"
check "the mount lives" sh -c "echo alive >$mnt/file && [ \$(cat $mnt/file) = alive ]"
# shellcheck source=/dev/null
. "$c/dfs.env"
export DFS_MASTERS DFS_KEY
check "dfs fsck --data" "$DFS_BUILD/admin/dfs" fsck --data
