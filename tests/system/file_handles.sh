#!/bin/bash
# File handles (name_to_handle_at(2), what NFS servers give their clients) find their files after renames, a remount and a restart of
# the master, and on another mount; of a file that was removed they are stale at once, also while its data is being stored.
. "$(dirname "$0")/lib.sh"
begin --mounts 2
handles() { timeout 20 python3 "$root/tests/system/file_handles.py" "$@"; }
found() { [ "$(handles open "$1" "$2")" = "$3" ] || { handles open "$1" "$2" >&2; return 1; }; }
mkdir -p "$mnt/top/middle/low"
echo one >"$mnt/top/file"
echo two >"$mnt/top/middle/low/file"
ln "$mnt/top/file" "$mnt/top/middle/link"
handles take "$mnt" "$work/handles" top top/file top/middle/low top/middle/low/file
expect() { # DESCRIPTION MOUNT HANDLES LINE…
	local what=$1 mount=$2 file=$3
	shift 3
	printf '%s\n' "$@" >"$work/wanted"
	handles open "$mount" "$file" >"$work/found" || fail "$what"
	diff "$work/wanted" "$work/found" >&2 || fail "$what"
	echo "ok: $what"
}
forget() { sync "$mnt" && echo 3 >/proc/sys/vm/drop_caches; }
forget
for at in "$mnt" "$c/mnt2"; do
	expect "by handle, nothing looked up before: $(basename "$at")" "$at" "$work/handles" "$at/top: file,middle" one "$at/top/middle/low: file" two
done
"$cluster" stop "$c" mnt1
"$cluster" kill "$c" master1
"$cluster" start "$c" master1
"$cluster" start "$c" mnt1
expect "after a remount and a restart of the master" "$mnt" "$work/handles" "$mnt/top: file,middle" one "$mnt/top/middle/low: file" two
mv "$mnt/top/middle/low" "$mnt/moved"
mv "$mnt/top" "$mnt/bottom"
expect "after renames" "$mnt" "$work/handles" "$mnt/bottom: file,middle" one "$mnt/moved: file" two
forget
expect "after renames, nothing looked up before" "$mnt" "$work/handles" "$mnt/bottom: file,middle" one "$mnt/moved: file" two
echo new >"$mnt/new"
handles take "$mnt" "$work/new" new
rm "$mnt/new"
expect "stale, right after the removal" "$mnt" "$work/new" ESTALE
rm -r "$mnt/moved" "$mnt/bottom/file"
expect "stale when removed; not while there is another link" "$mnt" "$work/handles" "$mnt/bottom: middle" one ESTALE ESTALE
