/*
 * Names in /proc/self/mountinfo (proc_pid_mountinfo(5)): blanks in them are written as \040 and
 * the like. Called by whoever reads that file.
 */
#ifndef DFS_HOST_MOUNTINFO_H
#define DFS_HOST_MOUNTINFO_H

/* Back to bytes, in place. */
void dfs_mountinfo_unescape(char *text);

#endif
