#!/bin/bash
# Wrong keys, wrong options, wrong directories, ports in use, garbage on the wire: a clear sentence, and nothing is damaged.
. "$(dirname "$0")/lib.sh"
begin
. "$c/dfs.env"
echo precious >"$mnt/file"
sync "$mnt/file"
master=${DFS_MASTERS%%,*}
port=${master##*:}
cs_port=$(sed -n 's/^cs1=//p' "$c/ports")

# refused WHAT PATTERN COMMAND…: it must fail within 15 s and say something that matches
refused() {
	local what=$1 pattern=$2 code=0
	shift 2
	timeout -s KILL 15 "$@" >"$work/said" 2>&1 </dev/null || code=$?
	[ $code != 0 ] || fail "$what: '$*' succeeded"
	[ $code != 137 ] || fail "$what: '$*' hangs"
	[ $code -lt 128 ] || fail "$what: '$*' died by a signal: $(cat "$work/said")"
	grep -Eqi -- "$pattern" "$work/said" || fail "$what: no word of '$pattern' in: $(cat "$work/said")"
	echo "ok: $what: $(grep -Ei -m 1 -- "$pattern" "$work/said" | cut -c1-160)"
}
m=$DFS_BUILD/master/dfs-master
s=$DFS_BUILD/chunkserver/dfs-chunkserver
f=$DFS_BUILD/fuse/mount.dfs
other=$work/other.key
(umask 077 && printf '%064d\n' 7 >"$other")
mkdir -p "$work/m" "$work/d" "$work/p"

refused "master: unknown option" 'frobnicate' "$m" --frobnicate
refused "chunkserver: unknown option" 'frobnicate' "$s" --frobnicate
refused "mount: unknown option" 'frobnicate' "$f" "$master:/" "$work/p" -o "key=$DFS_KEY,frobnicate=1"
refused "mount: no source" 'MASTER|source' "$f" nonsense "$work/p" -o "key=$DFS_KEY"
refused "mount: no such directory" 'no such|not a directory|does not exist' "$f" "$master:/" "$work/nowhere" -o "key=$DFS_KEY"
refused "mount: no key file" 'no such|key' "$f" "$master:/" "$work/p" -o "key=$work/nokey,retry=2"
refused "mount: wrong key" 'key|cluster' "$f" "$master:/" "$work/p" -o "key=$other,retry=3"
refused "mount: no such subtree" 'no such|not.*found|does not exist' "$f" "$master:/not/there" "$work/p" -o "key=$DFS_KEY,retry=3"
refused "mount: nobody listens" 'reach|connect|refused|answer' "$f" "127.0.0.1:1:/" "$work/p" -o "key=$DFS_KEY,retry=2"
(umask 077 && echo nonsense >"$work/bad.key" && cp "$DFS_KEY" "$work/open.key")
chmod 644 "$work/open.key"
refused "master: malformed key" 'hex|64' "$m" --listen 127.0.0.1:0 --data "$work/m" --key "$work/bad.key"
refused "master: a key that others can read" 'chmod 600' "$m" --listen 127.0.0.1:0 --data "$work/m" --key "$work/open.key"
refused "master: port in use" "$port" "$m" --listen "127.0.0.1:$port" --data "$work/m" --key "$DFS_KEY"
refused "chunkserver: port in use" "$cs_port" "$s" --listen "127.0.0.1:$cs_port" --disk "$work/d" --masters "$master" --key "$DFS_KEY"
refused "master: data is a file" 'not a directory|data' "$m" --listen 127.0.0.1:0 --data /etc/hostname --key "$DFS_KEY"
refused "master: data in use by the running one" 'lock|in use|another' "$m" --listen 127.0.0.1:0 --data "$c/master1" --key "$DFS_KEY"
refused "chunkserver: disk in use by the running one" 'lock|in use|another' "$s" --listen 127.0.0.1:0 --disk "$c/cs1" --masters "$master" --key "$DFS_KEY"
refused "chunkserver: disk is a file" 'not a directory|disk' "$s" --listen 127.0.0.1:0 --disk /etc/hostname --masters "$master" --key "$DFS_KEY"

for p in "$port" "$cs_port"; do
	for n in 1 31 32 33 5000; do
		(head -c $n /dev/urandom >"/dev/tcp/127.0.0.1/$p") 2>/dev/null || true
	done
	(printf 'GET / HTTP/1.0\r\n\r\n' >"/dev/tcp/127.0.0.1/$p") 2>/dev/null || true
	(printf 'dfs1\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377' >"/dev/tcp/127.0.0.1/$p") 2>/dev/null || true
done
check "all daemons live after garbage on every port" "$cluster" status "$c"
[ "$(cat "$mnt/file")" = precious ] || fail "the file after the garbage"

"$cluster" stop "$c" mnt1
"$cluster" stop "$c" cs1
"$cluster" stop "$c" master1
refused "master: data of another cluster" 'cluster' "$m" --listen 127.0.0.1:0 --data "$c/master1" --key "$other"
refused "chunkserver: disk of another cluster" 'cluster' "$s" --listen 127.0.0.1:0 --disk "$c/cs1" --masters "$master" --key "$other"
for name in master1 cs1 mnt1; do "$cluster" start "$c" $name; done
[ "$(cat "$mnt/file")" = precious ] || fail "the file at the end"
echo "ok: nothing was damaged"
