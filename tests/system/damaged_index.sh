#!/bin/bash
# One file of a chunkserver's index damaged at a time, at several places: the server starts by itself, with the index it has or one
# made anew from the chunks, and every file is whole. What damage leaves no way to go on is refused by name, and put back it serves.
. "$(dirname "$0")/lib.sh"
begin
mkdir "$work/files"
for i in $(seq 60); do head -c $((i * 700)) /dev/urandom >"$work/files/$i"; done
head -c 9M /dev/urandom >"$work/files/large"
cp -r "$work/files" "$mnt/files"
sync "$mnt"/files/*
flip() { # FILE OFFSET
	local byte
	byte=$(dd if="$1" bs=1 skip="$2" count=1 status=none | od -An -tu1)
	printf '%b' "\\x$(printf %02x $((byte ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
# A second start leaves the rows in tables, where the first has them in its journal.
"$cluster" stop "$c" cs1
"$cluster" start "$c" cs1
"$cluster" stop "$c" cs1
cp -a "$c/cs1" "$work/saved"
restore() { rm -rf "$c/cs1" && cp -a "$work/saved" "$c/cs1"; }
whole() { timeout -s KILL 20 diff -r "$work/files" "$mnt/files" >/dev/null 2>&1; }
serves() { # WHAT
	"$cluster" start "$c" cs1 || fail "$1: does not start"
	echo 3 >/proc/sys/vm/drop_caches
	until_true 30 whole || fail "$1: files differ"
	timeout -s KILL 20 sh -c "echo new >$mnt/new && sync $mnt/new" || fail "$1: cannot be written"
	"$cluster" stop "$c" cs1
	restore
	echo "ok: $1"
}
for file in "$work"/saved/index/{*.sst,MANIFEST-*,CURRENT,journal-*}; do
	at=index/$(basename "$file")
	bytes=$(stat -c %s "$file")
	for place in 10 $((bytes / 3)) $((bytes * 2 / 3)) $((bytes - 5)); do
		flip "$c/cs1/$at" $place
		serves "a bit of $at flipped at $place"
	done
	truncate -s $((bytes / 2)) "$c/cs1/$at"
	serves "$at cut to half"
	rm "$c/cs1/$at"
	serves "$at removed"
done

refused() { # WHAT WORDS
	local said
	! said=$("$cluster" start "$c" cs1 2>&1) || fail "$1: starts"
	[[ $said == *"$2"* ]] || fail "$1: no '$2' in: $said"
	restore
	echo "ok: $1"
}
flip "$c/cs1/dfs-disk" 20
refused "a flipped bit in dfs-disk" "the header is damaged"
: >"$c/cs1/dfs-disk"
refused "an emptied dfs-disk" "the header is damaged"
rm "$c/cs1/dfs-disk"
refused "a lost dfs-disk" "no dfs-disk"
serves "all put back"
"$cluster" start "$c" cs1
