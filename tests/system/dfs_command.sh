#!/bin/bash
# The command `dfs`: what it says when all is well, when something is not, and when it was not understood.
. "$(dirname "$0")/lib.sh"
begin --chunkservers 2
set -a
. "$c/dfs.env"
set +a
dfs=$DFS_BUILD/admin/dfs
masters=$DFS_MASTERS

json() { python3 -c 'import json, sys; d = json.load(sys.stdin); print(eval(sys.argv[1]))' "$1"; }

# Not understood.
says 3 'did you mean status?' "$dfs" statsu
says 3 'did you mean --json?' "$dfs" status --jsn
says 3 'a command is missing' "$dfs"
says 3 'takes no argument' "$dfs" status this
says 3 '--masters needs a value' "$dfs" status --masters
says 0 'Exit codes' "$dfs" --help
for command in status info fsck; do says 0 "Usage: dfs $command" "$dfs" "$command" --help; done
says 0 'dfs 0' "$dfs" --version

# Cannot be done.
says 2 'cannot be read: No such file' "$dfs" status --key "$work/none"
says 2 'does not answer' "$dfs" status --masters 127.0.0.1:1 --timeout 1
says 2 'HOST or HOST:PORT is expected' "$dfs" status --masters a:b:c:d
(umask 077 && openssl rand -hex 32 >"$work/other.key")
says 2 'give the key of that cluster' "$dfs" status --key "$work/other.key"
says 2 'does not lie on a mount of dfs' "$dfs" info /proc/self
says 2 'No such file' "$dfs" info "$mnt/none"
[ "$("$dfs" status --json --key "$work/none" 2>/dev/null | json '"error" in d')" = True ] || fail "an error is no object"

# All is well.
dd if=/dev/urandom of="$mnt/f" bs=1M count=70 status=none
mkdir "$mnt/dir" && ln -s f "$mnt/link"
says 0 'No warnings' "$dfs" status
says 0 'leading' "$dfs" status
says 0 "$mnt/f" "$dfs" info "$mnt/f"
[ -z "$("$dfs" status | tr -dc '\033')" ] || fail "colours without a terminal"
says 0 "$(printf '\033[1mMaster')" "$dfs" status --color always
says 0 'leading' env -u DFS_MASTERS "$dfs" status --mount "$mnt"
says 0 'leading' env -u DFS_KEY "$dfs" status --key "$DFS_KEY"
says 0 '64 MiB' env -u DFS_MASTERS "$dfs" info "$mnt/f" "$mnt/dir" "$mnt/link" "$mnt"
[ "$("$dfs" status --json | json 'len(d["chunkservers"]), len(d["clients"]), d["warnings"]')" = '(2, 1, [])' ] ||
	fail "status --json: $("$dfs" status --json)"
[ "$("$dfs" info --json "$mnt/f" | json '[(k["index"], k["copies"][0]["length"]) for k in d["files"][0]["chunks"]]')" = \
	'[(0, 67108864), (1, 6291456)]' ] || fail "info --json: $("$dfs" info --json "$mnt/f")"
stat=$(stat -c %i "$mnt/f")
[ "$("$dfs" info --json "$mnt/f" | json 'd["files"][0]["inode"]')" = "$stat" ] || fail "info names another inode"

# The root of a mounted subtree, which stat(2) calls 1.
mkdir "$work/sub"
after() { umount "$work/sub" 2>/dev/null || umount -l "$work/sub" 2>/dev/null || true; }
"$DFS_BUILD/fuse/mount.dfs" "$masters:/dir" "$work/sub" -o "key=$DFS_KEY"
[ "$("$dfs" info --json "$work/sub" | json 'd["files"][0]["inode"]')" = "$(stat -c %i "$mnt/dir")" ] ||
	fail "info of a subtree's root: $("$dfs" info --json "$work/sub")"
umount "$work/sub"

# A chunkserver is away, then the master.
"$cluster" kill "$c" cs1
"$cluster" kill "$c" cs2
until_true 10 eval '[ $("$dfs" status --json | json "len(d[\"warnings\"])") = 2 ]' || fail "no warnings about chunkservers that are away"
says 1 'is away' "$dfs" status
says 1 'cannot be read now' "$dfs" info "$mnt/f"
"$cluster" kill "$c" master1
says 2 'does not answer' "$dfs" status --timeout 1
"$cluster" start "$c" master1
"$cluster" start "$c" cs1
"$cluster" start "$c" cs2
until_true 20 eval '"$dfs" status >/dev/null' || fail "warnings stay: $("$dfs" status)"
echo "ok: it is all there again"
