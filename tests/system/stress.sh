#!/bin/bash
# stress-ng's file system stressors on the mount, DFS_STRESS_SECONDS (1) each, verifying what they do: none fails, the mount lives,
# neither the kernel nor the daemons have anything to say, nothing is left behind, and dfs fsck agrees.
. "$(dirname "$0")/lib.sh"
begin
seconds=${DFS_STRESS_SECONDS:-1}
# Those of --class filesystem that touch files of the directory they run in.
stressors=(access chattr chdir chmod chown copy-file dentry dir dirdeep dirmany dnotify fallocate fanotify fcntl fiemap file-ioctl
	filename flock fpunch fsize fstat getdent handle hdd inode-flags inotify io iomix lease link locka lockf lockofd mknod open
	rename symlink sync-file touch utime xattr)
