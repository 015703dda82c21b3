#!/bin/bash
# A file of many chunks in and out; sparse files; reading and writing in the middle.
. "$(dirname "$0")/lib.sh"
begin --chunkservers 2
size=${DFS_TEST_MIB:-400}
head -c "${size}M" /dev/urandom >"$work/in"
want=$(sha256sum <"$work/in")
check "written" dd if="$work/in" of="$mnt/big" bs=1M conv=fsync status=none
echo 3 >/proc/sys/vm/drop_caches
[ "$(sha256sum <"$mnt/big")" = "$want" ] || fail "the file differs"
echo "ok: $size MiB read back with the same sha256"

for at in 0 4095 65536 67108863 67108864 134217727; do
	head -c 10000 /dev/urandom >"$work/piece"
	dd if="$work/piece" of="$work/in" bs=64K seek="$at" oflag=seek_bytes conv=notrunc status=none
	dd if="$work/piece" of="$mnt/big" bs=64K seek="$at" oflag=seek_bytes conv=notrunc status=none
done
check "equal after writes across block and chunk edges" same "$work/in" "$mnt/big"
truncate -s 100000001 "$work/in" "$mnt/big"
check "equal after truncation in mid-block" same "$work/in" "$mnt/big"
truncate -s 200000000 "$work/in" "$mnt/big"
check "zeros after growing again" same "$work/in" "$mnt/big"

truncate -s 1T "$mnt/sparse"
printf 'end' | dd of="$mnt/sparse" bs=1 seek=$((1 << 39)) conv=notrunc status=none
[ "$(stat -c %s "$mnt/sparse")" = $((1 << 40)) ] || fail "size of the sparse file"
[ "$(dd if="$mnt/sparse" bs=1 skip=$((1 << 39)) count=3 status=none)" = end ] || fail "bytes in the sparse file"
[ "$(dd if="$mnt/sparse" bs=4096 skip=$(((1 << 39) / 4096 - 1)) count=1 status=none | tr -d '\0' | wc -c)" = 0 ] || fail "a hole is not zeros"
echo "ok: sparse file of 1 TiB"
