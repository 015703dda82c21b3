#!/bin/bash
# copy_file_range(2): cp shares the chunks of a large file instead of copying them, and nobody can tell but by the time
# and the space it takes. Files that share chunks are then written, cut, punched and deleted in all ways.
source "$(dirname "$0")/lib.sh"
begin --chunkservers 2 --mounts 2
other=$c/mnt2
mib=$((1 << 20))
dfs=${DFS_BUILD:-$root/build/release}/admin/dfs

# copy FROM AT TO AT BYTES: what one loop of copy_file_range copies.
copy() {
	python3 - "$@" <<-'EOF'
		import os, sys
		source, at, target, to, left = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
		a, b = os.open(source, os.O_RDONLY), os.open(target, os.O_RDWR | os.O_CREAT)
		while left > 0:
		    n = os.copy_file_range(a, b, left, at, to)
		    if n == 0:
		        break
		    at, to, left = at + n, to + n, left - n
	EOF
}
# The same done to files on dfs and to plain ones in $work/plain, which then must be alike.
both() { (cd "$mnt" && "$@") && (cd "$work/plain" && "$@"); }
alike() { same_tree "$work/plain" "$mnt" && same_tree "$work/plain" "$other"; }
write_at() { printf '%s' "$3" | dd of="$1" bs=64K seek="$2" oflag=seek_bytes conv=notrunc status=none; }
mkdir "$work/plain"
chmod 755 "$work" "$c" # For somebody else.

head -c 1G /dev/urandom >"$work/plain/huge"
cp "$work/plain/huge" "$mnt/huge"
sync -f "$mnt"
before=$(chunk_kib)
free=$(df --output=used -k "$mnt" | tail -1)
start=$(date +%s%N)
cp "$mnt/huge" "$mnt/copy"
took=$((($(date +%s%N) - start) / 1000000))
echo "cp of 1 GiB: $took ms"
check "cp of 1 GiB takes moments" [ $took -lt 2000 ]
check "and no space" [ $(($(chunk_kib) - before)) -lt 1024 ]
check "also by df" [ $(($(df --output=used -k "$mnt" | tail -1) - free)) -lt 65536 ]
check "the other mount reads the same bytes" same "$work/plain/huge" "$other/copy"
check "it counts as space of the file" [ "$(stat -c %b "$mnt/copy")" = "$(stat -c %b "$mnt/huge")" ]

# From here on everything is compared on both mounts, time and again: half of it is enough.
both truncate -s 512M huge
both mv huge big
rm "$mnt/copy"
both cp big copy
check "half of it, shared again" alike
before=$(chunk_kib)
(cd "$other" && copy copy 0 third 0 $((256 * mib)))
head -c 256M "$work/plain/big" >"$work/plain/third"

both write_at big 5000 hello
both write_at copy $((64 * mib - 2)) world
both write_at third $((256 * mib - 3)) end+more
check "a write to one is not seen in the others" alike
check "and takes the space of the chunks written" [ $(($(chunk_kib) - before)) -lt $((6 * 65536)) ]
(cd "$other" && write_at copy $((130 * mib)) elsewhere)
(cd "$work/plain" && write_at copy $((130 * mib)) elsewhere)
check "nor one on another mount" alike
both truncate -s $((200 * mib + 77)) third
both truncate -s $((250 * mib)) third
check "what was cut off is zeros when the file grows, and is there in the others" alike
both write_at third $((200 * mib + 100)) again
both fallocate -p -o $((300 * mib + 9)) -l $((150 * mib)) big
both fallocate -z -o $((10 * mib)) -l 100000 copy
check "punched here, untouched there" alike
both bash -c 'echo tail >>copy'
check "appended" alike
both rm big
check "deleted" alike
both cp --sparse=never copy big
both rm copy
check "copied back, and the first copy deleted" alike

echo "--- pieces of files"
both copy big 0 part 0 $((100 * mib))
both copy big $((64 * mib)) part 0 $((64 * mib))
both copy big $((128 * mib)) part $((64 * mib)) $((90 * mib))
both copy big 3 part 64 $((70 * mib))
both copy big $((64 * mib)) big $((1536 * mib)) $((192 * mib))
both copy big 0 big $((64 * mib)) $((64 * mib))
both truncate -s 3G holes
both write_at holes $((1000 * mib)) x
both copy holes 0 part 0 $((2000 * mib))
check "ranges of chunks, of bytes, within one file, of holes" alike
check "holes stay holes" [ "$(stat -c %b "$mnt/holes")" -lt $((64 * 2048 + 8)) ]

echo "--- as somebody else"
install -d -o nobody "$mnt/home" "$work/plain/home"
runuser -u nobody -- cp "$mnt/part" "$mnt/home/part"
cp "$mnt/home/part" "$work/plain/home/part"
check "an ordinary user owns the copy" [ "$(stat -c %U "$mnt/home/part")" = nobody ]
check "a read-only source may be copied" runuser -u nobody -- cp "$mnt/big" "$mnt/home/big"
rm "$mnt/home/big"
chmod 4755 "$mnt/home/part"
runuser -u nobody -- bash -c "$(declare -f copy); copy '$mnt/part' 0 '$mnt/home/part' 0 $((64 * mib))"
check "a set-id bit does not survive being written" [ "$(stat -c %a "$mnt/home/part")" = 755 ]
check "the copies are alike" same "$mnt/part" "$mnt/home/part"
rm -r "$mnt/home" "$work/plain/home"

echo "--- killed in between"
for victim in cs1 cs2 master1; do
	cp "$mnt/part" "$mnt/again"
	cp "$work/plain/part" "$work/plain/again"
	(cd "$mnt" && for i in 1 2 3 4 5 6 7 8; do write_at again $((i * 64 * mib)) "$victim$i"; done; sync -f .) &
	writer=$!
	sleep 0.3
	"$cluster" kill "$c" $victim
	"$cluster" start "$c" $victim
	check "$victim was killed while chunks were copied" wait $writer
	(cd "$work/plain" && for i in 1 2 3 4 5 6 7 8; do write_at again $((i * 64 * mib)) "$victim$i"; done)
	check "nothing is lost or mixed up" alike
done

set -a
. "$c/dfs.env"
check "dfs fsck finds nothing" "$dfs" fsck --data
