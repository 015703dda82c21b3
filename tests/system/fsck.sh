#!/bin/bash
# dfs fsck: nothing to say of a cluster in use, nor after its daemons were killed; everything of what was damaged.
. "$(dirname "$0")/lib.sh"
begin --chunkservers 2
set -a
. "$c/dfs.env"
set +a
dfs=$DFS_BUILD/admin/dfs

# finds CODE TEXT [OPTION…]: fsck ends so and says that.
finds() {
	local code=$1 text=$2 got=0 out
	shift 2
	out=$("$dfs" fsck "$@" 2>&1) || got=$?
	[ "$got" = "$code" ] || fail "fsck $* ended with $got instead of $code: $out"
	grep -qE -- "$text" <<<"$out" || fail "fsck $* does not say \"$text\": $out"
	echo "ok: fsck $*: $text"
}
servers_up() { [ "$( ("$dfs" status --json || true) | grep -o '"online":"yes"' | wc -l)" = "$1" ]; }
clean() { finds 0 'no fault' "$@"; }
json() { "$dfs" fsck --json "${@:2}" | python3 -c 'import json, sys; d = json.load(sys.stdin); print(eval(sys.argv[1]))' "$1"; }
chunk_of() { "$dfs" info --json "$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)["files"][0]["chunks"][0]["chunk"])'; }
file_of() { find "$c"/cs*/data -type f -name "$1"; }
server_of() { file_of "$1" | sed "s|^$c/\(cs[0-9]*\)/.*|\1|"; }

clean
# In use: files come, change, are renamed, linked, truncated and go while it looks.
(
	i=0
	while [ ! -e "$work/stop" ]; do
		i=$((i + 1))
		d=$mnt/load$((i % 4))
		mkdir -p "$d/sub" && cp "$0" "$d/sub/a$i" && ln "$d/sub/a$i" "$d/b$i" && mv "$d/b$i" "$mnt/c$i"
		truncate -s 1000 "$mnt/c$i" && setfattr -n user.n -v "$i" "$mnt/c$i" 2>/dev/null || true
		rm -rf "$d/sub"
		[ $((i % 5)) != 0 ] || rm -f "$mnt"/c*
	done
) &
load=$!
for i in 1 2 3 4 5 6; do clean; done
clean --data
touch "$work/stop"
wait $load
clean --data
[ "$(json 'd["complete"], d["chunkservers"], d["left"]')" = '(True, 2, 0)' ] || fail "fsck --json: $("$dfs" fsck --json)"

# Killed in the middle of writing.
cp -r /usr/include/linux "$mnt/tree" &
copy=$!
sleep 0.3
for name in master1 cs1 cs2; do "$cluster" kill "$c" "$name"; done
finds 2 'does not answer' --timeout 1
for name in master1 cs1 cs2; do "$cluster" start "$c" "$name"; done
wait $copy || fail "the copy failed"
clean --data
exec 5<"$mnt/tree/fs.h"
rm -rf "$mnt/tree"
clean
exec 5<&-
clean

# One chunkserver away: what is on it is named, the rest is checked.
for i in 1 2 3 4; do head -c 20000 /dev/urandom >"$mnt/d$i"; done
sync
chunk=$(chunk_of "$mnt/d1")
name=$(server_of "$chunk")
"$cluster" kill "$c" "$name"
until_true 10 servers_up 1 || fail "$name is not away"
finds 1 "chunk-away chunk=$chunk"
# A master that has not heard of it since its start does not take it for lost either.
"$cluster" kill "$c" master1
"$cluster" start "$c" master1
until_true 10 servers_up 1 || fail "the other server is not there"
finds 1 "chunk-away chunk=$chunk"
"$cluster" start "$c" "$name"
until_true 20 eval '"$dfs" fsck >/dev/null' || fail "it is still away: $("$dfs" fsck)"
clean --data

# A bit turns over.
chunk=$(chunk_of "$mnt/d1")
file=$(file_of "$chunk")
byte=$(dd if="$file" bs=1 skip=9000 count=1 status=none | od -An -tu1)
printf "$(printf '\\%03o' $((byte ^ 16)))" | dd of="$file" bs=1 seek=9000 conv=notrunc status=none
clean
finds 1 "data-corrupt chunk=$chunk server=.* offset=8192" --data
finds 1 'not safe to repair' --data --repair
printf "$(printf '\\%03o' $((byte)))" | dd of="$file" bs=1 seek=9000 conv=notrunc status=none
clean --data

# A chunk's file is gone. The server may have it open: only the next one misses it.
chunk=$(chunk_of "$mnt/d2")
name=$(server_of "$chunk")
"$cluster" stop "$c" "$name"
rm "$(file_of "$chunk")"
"$cluster" start "$c" "$name"
finds 1 "data-unreadable chunk=$chunk" --data
finds 1 "copy-suspect chunk=$chunk"
rm -f "$mnt/d2"
until_true 20 eval '"$dfs" fsck >/dev/null' || fail "the damage outlives its file: $("$dfs" fsck)"

# Rows are gone: one of a chunkserver's index, and some of the master's tables.
cc -std=gnu17 -D_GNU_SOURCE -I"$root" -o "$work/drop_row" "$root/tests/system/drop_row.c" "$DFS_BUILD/libdfsproto/libdfshost.a" \
	"$DFS_BUILD/libdfsproto/libdfsproto.a" $(pkg-config --libs libuv libcrypto libisal) -lrocksdb -lpthread
chunk=$(chunk_of "$mnt/d3")
inode=$(stat -c %i "$mnt/d3")
name=$(server_of "$chunk")
"$cluster" stop "$c" "$name"
check "an index row is dropped" "$work/drop_row" logged "$c/$name/index" "63$chunk"
"$cluster" start "$c" "$name"
finds 1 "chunk-lost chunk=$chunk inode=$inode index=0"
rm -f "$mnt/d3"
until_true 20 eval '"$dfs" fsck >/dev/null' || fail "a lost chunk outlives its file: $("$dfs" fsck)"

inode=$(stat -c %i "$mnt/d4")
chunk=$(chunk_of "$mnt/d4")
setfattr -n user.a -v 1 "$mnt/d4" 2>/dev/null || python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.a", b"1")' "$mnt/d4"
"$cluster" stop "$c" master1
check "a row of a chunk map is dropped" "$work/drop_row" unlogged "$c/master1/state" "07$(printf %016x%016x "$inode" 0)"
check "an attribute is dropped" "$work/drop_row" unlogged "$c/master1/state" "06$(printf %016x "$inode")$(printf user.a | od -An -tx1 | tr -d ' \n')"
"$cluster" start "$c" master1
until_true 20 servers_up 2 || fail "not all there: $("$dfs" status)"
finds 1 "xattr-bytes inode=$inode noted=8 found=0: .*--repair puts it right"
finds 1 "chunks-count inode=$inode noted=1 found=0"
finds 1 "chunk-unmapped chunk=$chunk inode=$inode index=0"
finds 0 "chunks-count inode=$inode .*\[repaired\]" --repair
clean --data
[ "$(stat -c %s "$mnt/d4")" = 20000 ] || fail "the file's size changed"
[ -z "$(file_of "$chunk")" ] || until_true 10 eval '[ -z "$(file_of "$chunk")" ]' || fail "the chunk without a file stays"
