#!/bin/bash
# What open(2), mmap(2) and truncate(2) promise of a file's data: O_APPEND, O_DIRECT, O_SYNC and O_DSYNC, O_TRUNC, truncation in
# mid-chunk with nothing stale, shared and private mappings with msync.
. "$(dirname "$0")/lib.sh"
begin --mounts 2

check "O_APPEND: no line is lost or torn" python3 - "$mnt/log" <<'PY'
import os, sys
path, writers, lines = sys.argv[1], 4, 400
for w in range(writers):
    if os.fork() == 0:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for i in range(lines):
            os.write(fd, (f"{w} {i} " + "x" * ((w * 131 + i * 17) % 300) + "\n").encode())
        os.close(fd)
        os._exit(0)
for _ in range(writers):
    assert os.wait()[1] == 0
want = {f"{w} {i} " + "x" * ((w * 131 + i * 17) % 300) for w in range(writers) for i in range(lines)}
with open(path) as f:
    got = f.read().splitlines()
assert len(got) == writers * lines and set(got) == want
# Not where the offset says, but at the end; also after truncation.
fd = os.open(path, os.O_RDWR | os.O_APPEND)
os.ftruncate(fd, 3)
os.lseek(fd, 0, os.SEEK_SET)
os.write(fd, b"end")
assert os.fstat(fd).st_size == 6 and os.pread(fd, 3, 3) == b"end"
PY

check "O_DIRECT, aligned and not, beside the page cache" python3 - "$mnt/direct" "$c/mnt2/direct" <<'PY'
import mmap, os, random, sys
random.seed(5)
plain = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
direct = os.open(sys.argv[1], os.O_RDWR | os.O_DIRECT)
away = os.open(sys.argv[2], os.O_RDONLY | os.O_DIRECT)
room = mmap.mmap(-1, 1 << 20)
want = bytearray(700000)
os.pwrite(plain, bytes(want), 0)
for i in range(300):
    aligned = random.randrange(2) == 0
    at, length = random.randrange(600000), random.randrange(1, 90000)
    if aligned:
        at, length = at & ~4095, (length + 4095) & ~4095
    shift = 0 if aligned else random.randrange(4096)
    view = memoryview(room)[shift:shift + length]
    if random.randrange(2) == 0:
        view[:] = random.randbytes(length)
        want[at:at + length] = view
        assert os.pwritev(direct if random.randrange(3) else plain, [view], at) == length
    else:
        fd = random.choice([direct, plain])
        got = os.preadv(fd, [view], at)
        assert bytes(view[:got]) == bytes(want[at:at + got])
    view.release()
    if i % 30 == 0: # What a direct write returned from, a direct read of the other mount sees.
        data = random.randbytes(5000)
        want[1000:6000] = data
        os.fsync(plain)
        assert os.pwrite(direct, data, 1000) == 5000
        assert os.pread(away, 5000, 1000) == data
os.fsync(plain)
assert os.pread(plain, 1 << 20, 0) == bytes(want) == os.pread(away, 1 << 20, 0)
PY

# What an O_SYNC or O_DSYNC write returned from is there although the mount is killed at once.
for flag in O_SYNC O_DSYNC; do
	python3 - "$mnt/$flag" $flag <<'PY' &
import os, sys, time
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | getattr(os, sys.argv[2]))
for i in range(50):
    assert os.write(fd, f"{i:07}\n".encode()) == 8
sys.stdout.write("done\n")
time.sleep(60)
PY
done >"$work/done"
both() { [ "$(wc -l <"$work/done")" = 2 ]; }
until_true 30 both || fail "the O_SYNC writers do not get on"
"$cluster" kill "$c" mnt1
kill $(jobs -p)
wait
"$cluster" start "$c" mnt1
for flag in O_SYNC O_DSYNC; do
	[ "$(wc -l <"$mnt/$flag")" = 50 ] && [ "$(tail -n 1 "$mnt/$flag")" = 0000049 ] || fail "$flag: writes are missing"
done
echo "ok: O_SYNC and O_DSYNC survive the mount"

check "O_TRUNC and truncation up and down show nothing stale" python3 - "$mnt/cut" "$c/mnt2/cut" <<'PY'
import os, random, sys
random.seed(9)
CHUNK = 64 << 20
mounts = sys.argv[1:3]
for i in range(60):
    base = random.choice([0, CHUNK - 50000, CHUNK])
    fd = os.open(mounts[i % 2], os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    assert os.fstat(fd).st_size == 0 and os.pread(fd, 1, 0) == b""
    data = random.randbytes(100000)
    os.pwrite(fd, data, base)
    if random.randrange(2):
        os.fsync(fd)
    cut = random.randrange(100000)
    os.ftruncate(fd, base + cut)
    end = base + random.randrange(100000, 300000)
    if random.randrange(3) == 0: # By a write beyond.
        os.pwrite(fd, b"!", end - 1)
    else:
        os.ftruncate(fd, end)
        os.pwrite(fd, b"!", end - 1)
    want = data[:cut] + b"\0" * (end - base - cut - 1) + b"!"
    assert os.pread(fd, 400000, base) == want
    os.close(fd)
    with open(mounts[(i + 1) % 2], "rb") as f:
        f.seek(base)
        assert f.read() == want
        f.seek(0)
        assert f.read(1000) == (want[:1000] if base == 0 else b"\0" * 1000)
PY

check "shared and private mappings" python3 - "$mnt/map" "$c/mnt2/map" <<'PY'
import mmap, os, sys
here, there = sys.argv[1:3]
fd = os.open(here, os.O_RDWR | os.O_CREAT)
os.pwrite(fd, b"a" * 300000, 0)
shared = mmap.mmap(fd, 300000, mmap.MAP_SHARED)
private = mmap.mmap(fd, 300000, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
assert shared[:5] == private[:5] == b"aaaaa"
private[100:105] = b"own!!"
assert os.pread(fd, 5, 100) == b"aaaaa" and shared[100:105] == b"aaaaa"
shared[4090:4100] = b"0123456789"
assert os.pread(fd, 10, 4090) == b"0123456789" # One page cache.
shared.flush()
with open(there, "rb") as f: # msync has sent it.
    f.seek(4090)
    assert f.read(10) == b"0123456789"
os.pwrite(fd, b"written", 200000)
assert shared[200000:200007] == b"written"
# Closing the mapping stores what no msync has.
shared[299990:300000] = b"last bytes"
shared.close()
os.close(fd)
with open(there, "rb") as f:
    f.seek(299990)
    assert f.read() == b"last bytes"
# Beyond the end of the file nothing is stored, and nothing of it shows when the file grows.
fd = os.open(here, os.O_RDWR | os.O_TRUNC)
os.ftruncate(fd, 5000)
m = mmap.mmap(fd, 5000, mmap.MAP_SHARED)
m[:] = b"b" * 5000
m.flush()
os.ftruncate(fd, 3)
os.ftruncate(fd, 9000)
m.close()
assert os.pread(fd, 9001, 0) == b"bbb" + b"\0" * 8997
# A page that was punched out under a mapping reads as zeros there.
m = mmap.mmap(fd, 8192, mmap.MAP_SHARED)
m[:] = b"c" * 8192
import ctypes
assert ctypes.CDLL(None).fallocate(fd, 3, ctypes.c_long(4096), ctypes.c_long(100)) == 0
assert m[4090:4200] == b"c" * 6 + b"\0" * 100 + b"c" * 4
PY
