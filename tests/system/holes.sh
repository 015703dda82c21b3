#!/bin/bash
# Sparse files: SEEK_HOLE and SEEK_DATA never call data a hole, whoever wrote it and however lately; copies that rely on
# them are whole; du is not absurd; files go up to 2^63-1 bytes.
. "$(dirname "$0")/lib.sh"
begin --chunkservers 2 --mounts 2

cat >"$work/seek.py" <<'PY'
import ctypes, errno, os, random, sys
path, seed = sys.argv[1], int(sys.argv[2])
libc = ctypes.CDLL(None, use_errno=True)
CHUNK = 64 << 20
random.seed(seed)
fd = os.open(path, os.O_RDWR | os.O_CREAT)
size, data = 0, {}  # Blocks of 4 KiB that have been written and not punched.


def at_random():
    return random.choice([0, 0, CHUNK, 3 * CHUNK]) + random.randrange(100) * 4096


def seek(offset, whence):
    try:
        return os.lseek(fd, offset, whence)
    except OSError as e:
        assert e.errno == errno.ENXIO, e
        return None


def check(offset):
    found = seek(offset, os.SEEK_DATA)
    later = [b * 4096 for b in data if (b + 1) * 4096 > offset]
    first = max(offset, min(later)) if later else None
    if offset >= size:
        assert found is None and seek(offset, os.SEEK_HOLE) is None
        return
    if first is not None:
        assert found is not None and offset <= found <= first, (offset, found, first)
    elif found is not None:
        assert offset <= found < size
    hole = seek(offset, os.SEEK_HOLE)
    assert offset <= hole <= size
    assert hole == size or hole // 4096 not in data, (offset, hole)


for i in range(400):
    at, what = at_random(), random.randrange(8)
    if what < 4:
        os.pwrite(fd, random.randbytes(4096), at)
        data[at // 4096] = True
        size = max(size, at + 4096)
    elif what < 6:
        blocks = random.randrange(1, 40)
        assert libc.fallocate(fd, 3, ctypes.c_long(at), ctypes.c_long(blocks * 4096)) == 0
        data = {b: True for b in data if not at // 4096 <= b < at // 4096 + blocks}
    elif what == 6 and random.randrange(5) == 0:
        size = at
        os.ftruncate(fd, size)
        data = {b: True for b in data if b * 4096 < size}
    for _ in range(3):
        check(at_random())
assert os.fstat(fd).st_size == size
# Exact where it can be: a hole of a whole chunk, and what lies before the first byte.
os.ftruncate(fd, 0)
os.pwrite(fd, b"z" * 4096, 2 * CHUNK + 8192)
os.ftruncate(fd, 5 * CHUNK)
assert seek(0, os.SEEK_DATA) == 2 * CHUNK + 8192
assert seek(2 * CHUNK + 8192, os.SEEK_HOLE) == 2 * CHUNK + 12288
assert seek(2 * CHUNK + 12288, os.SEEK_DATA) is None
assert seek(0, os.SEEK_HOLE) == 0
PY
for seed in 1 2 3; do check "holes and data, seed $seed" python3 "$work/seek.py" "$mnt/s$seed" $seed; done

# Sparse copies, in both directions and between mounts, are whole; also of what has just been written.
python3 - "$work/sparse" <<'PY'
import os, random, sys
random.seed(3)
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
for _ in range(60):
    os.pwrite(fd, random.randbytes(random.randrange(1, 30000)), random.choice([0, 64 << 20, 200 << 20]) + random.randrange(5 << 20))
os.ftruncate(fd, 300 << 20)
PY
for how in never auto; do
	check "cp --sparse=$how onto dfs" cp --sparse=$how "$work/sparse" "$mnt/in-$how"
	check "and back" cp --sparse=$how "$mnt/in-$how" "$work/out"
	check "it is whole" cmp "$work/sparse" "$work/out"
	check "and copied by the other mount" cp --sparse=always "$c/mnt2/in-$how" "$c/mnt2/again-$how"
	check "whole, too" cmp "$work/sparse" "$mnt/again-$how"
done
check "tar -S" sh -c "tar -C '$mnt' -Scf '$work/tar' in-auto && tar -C '$work' -Sxf '$work/tar'"
check "is whole" cmp "$work/sparse" "$work/in-auto"
python3 - "$mnt/fresh" <<'PY'
import os, sys
with open(sys.argv[1], "wb") as f:
    f.write(b"a" * 100000)
    f.flush()
    assert os.stat(sys.argv[1]).st_blocks > 0, "written, and no space"
    assert os.lseek(f.fileno(), 0, os.SEEK_DATA) == 0
PY
echo "ok: what is still in the write-behind buffer is data"

# du: right for plain files, near the truth for sparse ones.
head -c 3000000 /dev/urandom >"$mnt/plain"
blocks() { stat -c %b "$1"; }
[ "$(blocks "$mnt/plain")" = $(((3000000 + 4095) / 4096 * 8)) ] || fail "blocks of a plain file: $(blocks "$mnt/plain")"
truncate -s 1T "$mnt/image"
[ "$(blocks "$mnt/image")" = 0 ] || fail "an empty image takes $(blocks "$mnt/image") blocks"
dd if=/dev/urandom of="$mnt/image" bs=4096 seek=$((1 << 26)) count=1 conv=notrunc status=none
dd if=/dev/urandom of="$mnt/image" bs=4096 count=10 conv=notrunc status=none
[ "$(blocks "$mnt/image")" = 88 ] || fail "eleven blocks of 4 KiB take $(blocks "$mnt/image") of 512"
[ "$(blocks "$c/mnt2/image")" = 88 ] || fail "and on the other mount $(blocks "$c/mnt2/image")"
truncate -s 5000 "$mnt/image"
[ "$(blocks "$mnt/image")" = 16 ] || fail "after truncation $(blocks "$mnt/image")"
echo "ok: du"

check "a file of 2^63-1 bytes" python3 - "$mnt/max" <<'PY'
import errno, os, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
top = (1 << 63) - 1
os.ftruncate(fd, top)
assert os.fstat(fd).st_size == top and os.fstat(fd).st_blocks == 0
os.pwrite(fd, b"end", top - 3)
os.pwrite(fd, b"mid", 1 << 45)
os.fsync(fd)
assert os.pread(fd, 5, top - 5) == b"\0\0end"
assert os.pread(fd, 5, (1 << 45) - 1) == b"\0mid\0"
assert os.lseek(fd, 0, os.SEEK_DATA) == 1 << 45
assert os.lseek(fd, (1 << 45) + 100000, os.SEEK_DATA) in range(top - 4096 * 2, top - 2)
try:
    os.pwrite(fd, b"more", top - 1)
except OSError as e:
    assert e.errno in (errno.EFBIG, errno.EINVAL)
else:
    assert os.fstat(fd).st_size == top
os.ftruncate(fd, 1 << 46)
os.ftruncate(fd, top)
assert os.pread(fd, 5, top - 5) == b"\0" * 5
assert os.pread(fd, 3, 1 << 45) == b"mid"
PY
