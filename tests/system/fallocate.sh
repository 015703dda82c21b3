#!/bin/bash
# fallocate(2): growing, punching, zeroing, across blocks and chunks, against a copy on the local disk; while daemons are
# killed; seen from another mount; refused where it must be. And the space comes back.
. "$(dirname "$0")/lib.sh"
begin --chunkservers 2 --mounts 2

cat >"$work/play.py" <<'PY'
import ctypes, os, random, sys
path, copy, other, rounds, seed = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
libc = ctypes.CDLL(None, use_errno=True)
CHUNK = 64 << 20
KEEP, PUNCH, ZERO = 1, 2, 16
random.seed(seed)
files = [os.open(p, os.O_RDWR | os.O_CREAT) for p in (path, copy)]


def fallocate(fd, mode, offset, length):
    if libc.fallocate(fd, mode, ctypes.c_long(offset), ctypes.c_long(length)) != 0:
        raise OSError(ctypes.get_errno(), f"fallocate {mode} {offset} {length}")


def somewhere():
    edge = random.choice([0, 0, CHUNK, 2 * CHUNK])
    return max(0, edge + random.randrange(-70000, 70000) & ~random.choice([0, 0, 4095]))


def same(fd, offset, length):
    a, b = os.pread(fd, length, offset), os.pread(files[1], length, offset)
    assert a == b, f"bytes differ in {offset} + {length}"


for i in range(rounds):
    at, length = somewhere(), random.choice([1, 4096, 65536, random.randrange(1, 200000)])
    what = random.randrange(9)
    if what < 3:
        data = random.randbytes(length)
        for fd in files:
            os.pwrite(fd, data, at)
    elif what < 7:
        mode = [PUNCH | KEEP, ZERO, ZERO | KEEP, 0][what - 3]
        if random.randrange(10) == 0 and mode != 0:
            at, length = random.randrange(3) * CHUNK - random.randrange(2), CHUNK + random.randrange(3)
            at = max(at, 0)
        for fd in files:
            fallocate(fd, mode, at, length)
    elif what == 7 and random.randrange(5) == 0:
        for fd in files:
            os.ftruncate(fd, at)
    elif what == 8 and random.randrange(5) == 0:
        os.fsync(files[0])
    assert os.fstat(files[0]).st_size == os.fstat(files[1]).st_size
    same(files[0], somewhere(), 50000)
    same(files[0], max(0, at - 100), 1000)
os.close(files[0])
# What one mount has closed, the other sees.
fd = os.open(other, os.O_RDONLY)
assert os.fstat(fd).st_size == os.fstat(files[1]).st_size
for edge in (0, CHUNK, 2 * CHUNK):
    for offset in range(max(0, edge - 100000), edge + 300000, 100000):
        same(fd, offset, 100000)
PY
play() { python3 "$work/play.py" "$mnt/$1" "$work/$1" "$c/mnt2/$1" "$2" "$3"; }
check "1,500 random changes" play a 1500 1
check "equal as a whole" cmp "$mnt/a" "$work/a"

# Calls wait for a server that is away and are carried out once it is back: exactly as on the local disk.
play b 600 2 2>"$work/said" &
pid=$!
for victim in cs1 master1 cs2 cs1 master1; do
	sleep 0.7
	"$cluster" kill "$c" $victim
	"$cluster" start "$c" $victim
done
wait $pid || fail "changes while daemons were killed: $(tail -n 1 "$work/said")"
check "equal after daemons were killed" cmp "$mnt/b" "$work/b"
"$cluster" stop "$c" mnt1
"$cluster" start "$c" mnt1
check "equal through a new mount" cmp "$mnt/b" "$work/b"

# Killing the mount in the middle leaves old bytes or zeros, nothing else.
head -c 20M /dev/zero | tr '\0' x >"$mnt/x"
sync "$mnt/x"
(while fallocate -p -o $((RANDOM * 600)) -l 70000 "$mnt/x" 2>/dev/null; do :; done) &
pid=$!
sleep 0.5
"$cluster" kill "$c" mnt1
wait $pid || true
"$cluster" start "$c" mnt1
[ "$(tr -d 'x\0' <"$mnt/x" | wc -c)" = 0 ] || fail "the mount's death left strange bytes"
[ "$(stat -c %s "$mnt/x")" = $((20 << 20)) ] || fail "a punch changed the length"
echo "ok: the mount was killed while it punched"

# Space: of chunks as a whole, and of parts.
head -c 200M /dev/urandom >"$mnt/big"
sync "$mnt/big"
before=$(chunk_kib)
fallocate -p -o 1M -l 198M "$mnt/big"
freed() { [ $(($(chunk_kib) + 190 * 1024)) -lt "$before" ]; }
check "a punch gives the space back" until_true 60 freed
[ "$(du -k "$mnt/big" | cut -f1)" -le $((72 * 1024)) ] || fail "du still counts it: $(du -k "$mnt/big")"

refused() { # ERROR COMMAND…
	local want=$1
	shift
	! "$@" 2>"$work/said" || return 1
	grep -q "$want" "$work/said"
}
check "more than there is room for is ENOSPC" refused 'No space left' fallocate -l 1P "$mnt/huge"
[ "$(stat -c %s "$mnt/huge")" = 0 ] || fail "it grew nevertheless"
check "collapsing a range is refused" refused 'not supported' fallocate -c -o 0 -l 4096 "$mnt/big"
check "inserting one is, too" refused 'not supported' fallocate -i -o 0 -l 4096 "$mnt/big"
check "a file without a name can be punched" python3 - "$mnt" <<'PY'
import os, sys, ctypes
fd = os.open(sys.argv[1] + "/gone", os.O_RDWR | os.O_CREAT)
os.write(fd, b"y" * 100000)
os.unlink(sys.argv[1] + "/gone")
assert ctypes.CDLL(None).fallocate(fd, 3, ctypes.c_long(5), ctypes.c_long(50000)) == 0
assert os.pread(fd, 100000, 0) == b"y" * 5 + b"\0" * 50000 + b"y" * 49995
PY
