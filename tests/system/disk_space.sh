#!/bin/bash
# What is deleted gives its space back within a minute, also when the daemons died in between.
. "$(dirname "$0")/lib.sh"
begin
sync "$mnt"
before=$(chunk_kib)
mkdir "$mnt/d"
for i in $(seq 1 200); do head -c 20000 /dev/urandom >"$mnt/d/$i"; done
head -c 200M /dev/zero | tr '\0' x >"$mnt/d/big"
during=$(chunk_kib)
[ "$during" -gt $((before + 200000)) ] || fail "200 MiB written, but only $((during - before)) KiB on the disk"
rm -rf "$mnt/d"
back() { [ "$(chunk_kib)" -le $((before + 64)) ]; }
check "space is back within a minute" until_true 60 back

head -c 50M /dev/zero | tr '\0' y >"$mnt/again"
"$cluster" kill "$c" cs1
rm "$mnt/again"
"$cluster" kill "$c" master1
"$cluster" start "$c" master1
"$cluster" start "$c" cs1
check "space is back although both daemons died" until_true 60 back

head -c 30M /dev/zero | tr '\0' z >"$mnt/open"
exec 5<"$mnt/open"
rm "$mnt/open"
sleep 3
[ "$(chunk_kib)" -gt $((before + 25000)) ] || fail "an open file's bytes were deleted"
[ "$(tr -d z <&5 | wc -c)" = 0 ] || fail "an open, nameless file lost its bytes"
exec 5<&-
check "space is back after the last close" until_true 60 back
