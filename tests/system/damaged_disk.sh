#!/bin/bash
# Damaged chunk files and index files: what is wrong is refused with an error, never returned as data; what is whole stays
# readable; a lost index is rebuilt from the chunk files.
. "$(dirname "$0")/lib.sh"
begin
head -c 300000 /dev/urandom >"$work/a"
head -c 200000 /dev/urandom >"$work/b"
head -c 70000000 /dev/urandom >"$work/big"
cp "$work/a" "$work/b" "$work/big" "$mnt/"
sync "$mnt/a" "$mnt/b" "$mnt/big"

chunk_of() { # the chunk file with the contents of $1
	local file
	for file in "$c"/cs1/data/*/*; do
		if cmp -s "$file" "$1"; then echo "$file"; return; fi
	done
	fail "no chunk file is exactly the bytes of $1"
}
a=$(chunk_of "$work/a")
b=$(chunk_of "$work/b")
echo "ok: a chunk is a flat file of exactly its bytes: $(basename "$a")"
getfattr --only-values -n user.dfs.chunk "$a" >/dev/null 2>&1 || fail "a chunk file does not describe itself"

restart_cold() {
	"$cluster" stop "$c" cs1
	"$@"
	"$cluster" start "$c" cs1
	echo 3 >/proc/sys/vm/drop_caches
}
flip() { # FILE OFFSET
	local byte
	byte=$(dd if="$1" bs=1 skip="$2" count=1 status=none | od -An -tu1)
	printf '%b' "\\x$(printf %02x $((byte ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
whole() { timeout 20 cmp -s "$work/$1" "$mnt/$1"; }
broken() { ! timeout 20 cat "$mnt/$1" >"$work/got" 2>/dev/null; }

restart_cold flip "$a" 12345
check "a flipped bit is an error, not data" broken a
check "other files are whole" whole b
restart_cold flip "$a" 12345
check "repaired, it is readable again" whole a

cp -a "$b" "$work/saved"
restart_cold truncate -s 100000 "$b"
check "a cut chunk file is an error, not zeros" broken b
check "other files are whole" whole a
restart_cold cp -a "$work/saved" "$b"
check "put back, it is readable again" whole b

restart_cold rm -rf "$c/cs1/index"
for name in a b big; do check "$name after the index was lost" until_true 30 whole $name; done

flip_index() { local file; for file in "$c"/cs1/index/*.sst "$c"/cs1/index/*.log "$c"/cs1/index/MANIFEST*; do [ ! -s "$file" ] || flip "$file" $(($(stat -c %s "$file") / 2)); done; }
restart_cold flip_index
for name in a b big; do check "$name after bits of the index were flipped" until_true 30 whole $name; done
cut_index() { local file; for file in "$c"/cs1/index/*.sst "$c"/cs1/index/MANIFEST*; do [ ! -s "$file" ] || truncate -s $(($(stat -c %s "$file") / 2)) "$file"; done; }
restart_cold cut_index
for name in a b big; do check "$name after index files were cut" until_true 30 whole $name; done
check "and it can be written" sh -c "echo new >$mnt/new && sync $mnt/new"
