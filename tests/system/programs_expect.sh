#!/bin/bash
# What unmodified programs take for granted: signals do not break calls, locks of flock and fcntl, shared memory maps, set-id bits
# that go when somebody writes, the flags of rename, O_APPEND, O_TRUNC, O_DIRECT, O_SYNC, ENOSYS where it belongs.
. "$(dirname "$0")/lib.sh"
begin --mounts 2
chmod 755 "$work" "$c"
other=$c/mnt2
cat >"$work/expect.py" <<'PYTHON'
import ctypes, errno, fcntl, mmap, os, signal, subprocess, sys, threading, time
a, b = sys.argv[1:3]
libc = ctypes.CDLL(None, use_errno=True)

def ok(what): print("ok:", what, flush=True)
def raises(number, call, *arguments):
    try: call(*arguments)
    except OSError as e: assert e.errno == number, (e, number)
    else: raise AssertionError(f"{call} succeeded")

# Signals that are caught must not show, as on a local disk.
rings = 0
def ring(*_):
    global rings
    rings += 1
libc.siginterrupt(signal.SIGALRM, 0)
signal.signal(signal.SIGALRM, ring)
signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
end = time.time() + 2
while time.time() < end:
    name = ctypes.create_string_buffer(os.fsencode(a + "/signal"))
    fd = libc.open(name, os.O_CREAT | os.O_RDWR | os.O_TRUNC, 0o644)
    assert fd >= 0, os.strerror(ctypes.get_errno())
    data = ctypes.create_string_buffer(b"x" * 10000)
    assert libc.write(fd, data, 10000) == 10000, os.strerror(ctypes.get_errno())
    assert libc.close(fd) == 0, os.strerror(ctypes.get_errno())
    assert libc.unlink(name) == 0, os.strerror(ctypes.get_errno())
signal.setitimer(signal.ITIMER_REAL, 0)
assert rings > 100
ok(f"{rings} signals during calls, no EINTR")

# fcntl locks between processes of one mount.
path = a + "/locked"
mine = os.open(path, os.O_CREAT | os.O_RDWR)
fcntl.lockf(mine, fcntl.LOCK_EX, 10, 5)
child = """
import fcntl, os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 5, 0)
try: fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 5, 10)
except BlockingIOError: sys.exit(7)
"""
assert subprocess.run([sys.executable, "-c", child, path]).returncode == 7
os.close(mine)
assert subprocess.run([sys.executable, "-c", child, path]).returncode == 0
ok("fcntl locks of ranges")

# Shared maps; what they hold is there for others once synced.
path = "/mapped"
with open(a + path, "wb+") as f:
    f.truncate(3 << 20)
    with mmap.mmap(f.fileno(), 0) as m:
        m[5] = 65
        m[(2 << 20) + 7] = 66
        m.flush()
    os.fsync(f.fileno())
data = open(b + path, "rb").read()
assert len(data) == 3 << 20 and data[5] == 65 and data[(2 << 20) + 7] == 66 and sum(data) == 131
with open(a + path, "rb") as f, mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ) as m:
    assert m[5] == 65 and m[6] == 0
ok("shared memory maps")

# Open flags.
path = "/flags"
open(a + path, "wb").write(b"0123456789")
fd = os.open(a + path, os.O_WRONLY | os.O_APPEND)
os.write(fd, b"abc")
os.pwrite(fd, b"def", 0)  # Linux appends also then.
os.close(fd)
assert open(b + path, "rb").read() == b"0123456789abcdef"
raises(errno.EEXIST, os.open, a + path, os.O_CREAT | os.O_EXCL)
raises(errno.ENOTDIR, os.open, a + path, os.O_DIRECTORY)
os.close(os.open(a + path, os.O_WRONLY | os.O_TRUNC))
assert os.stat(b + path).st_size == 0
fd = os.open(a + path, os.O_RDWR | os.O_DIRECT)
page = mmap.mmap(-1, 8192)
page.write(b"d" * 8192)
assert os.write(fd, page) == 8192
assert open(b + path, "rb").read() == b"d" * 8192
os.close(fd)
fd = os.open(a + path, os.O_WRONLY | os.O_SYNC)
os.write(fd, b"sync")
assert open(b + path, "rb").read(5) == b"syncd"
os.close(fd)
ok("O_APPEND, O_EXCL, O_TRUNC, O_DIRECT, O_SYNC")

# What is written and not yet closed is there for the same mount at once.
with open(a + path, "wb", buffering=0) as f:
    f.write(b"first")
    assert os.stat(a + path).st_size == 5
    assert open(a + path, "rb").read() == b"first"
    f.seek(100)
    f.write(b"second")
    assert open(a + path, "rb").read() == b"first" + bytes(95) + b"second"
    os.ftruncate(f.fileno(), 3)
    assert open(a + path, "rb").read() == b"fir"
assert open(b + path, "rb").read() == b"fir"
ok("own writes are seen at once, and by others after close")

# Append from both mounts, in turns: each sees what the other closed.
for i in range(50):
    with open((a, b)[i % 2] + "/turns", "a") as f:
        f.write(f"{i}\n")
assert open(a + "/turns").read() == "".join(f"{i}\n" for i in range(50))
ok("appending in turns on two mounts")

# rename2.
def rename2(x, y, flags):
    return 0 if libc.renameat2(-100, os.fsencode(x), -100, os.fsencode(y), flags) == 0 else ctypes.get_errno()
open(a + "/x", "w").write("x")
open(a + "/y", "w").write("y")
assert rename2(a + "/x", a + "/y", 1) == errno.EEXIST
assert rename2(a + "/x", a + "/y", 2) == 0
assert open(b + "/x").read() == "y" and open(b + "/y").read() == "x"
assert rename2(a + "/x", a + "/none", 2) == errno.ENOENT
ok("RENAME_NOREPLACE, RENAME_EXCHANGE")

# Where there is no support, programs hear so and go on.
fd = os.open(a + "/alloc", os.O_CREAT | os.O_RDWR)
assert libc.fallocate64(fd, 0, ctypes.c_int64(0), ctypes.c_int64(1 << 20)) == 0 or ctypes.get_errno() == errno.EOPNOTSUPP
os.posix_fallocate(fd, 0, 100000)
assert os.fstat(fd).st_size >= 100000
raises(errno.ENOTTY, fcntl.ioctl, fd, 0x5401, bytes(64))
os.pwrite(fd, b"copy me", 0)
with open(a + "/copied", "wb+") as to:
    try: assert os.copy_file_range(fd, to.fileno(), 7, 0, 0) == 7
    except OSError as e: assert e.errno in (errno.EOPNOTSUPP, errno.ENOSYS, errno.EXDEV)
    else: assert open(a + "/copied").read() == "copy me"
assert os.lseek(fd, 0, os.SEEK_DATA) == 0
os.close(fd)
ok("fallocate, ioctl, copy_file_range, SEEK_DATA")

# Names and descriptors outlive each other.
fd = os.open(a + "/ghost", os.O_CREAT | os.O_RDWR)
os.write(fd, b"boo")
os.unlink(a + "/ghost")
assert os.fstat(fd).st_nlink == 0 and os.pread(fd, 10, 0) == b"boo"
os.write(fd, b"!")
os.fsync(fd)
assert os.pread(fd, 10, 0) == b"boo!"
os.close(fd)
os.mkdir(a + "/gone")
dfd = os.open(a + "/gone", os.O_RDONLY)
os.rmdir(a + "/gone")
raises(errno.ENOENT, lambda: os.open("x", os.O_CREAT | os.O_WRONLY, dir_fd=dfd))
os.close(dfd)
ok("open without a name")

# A file without a name, and one that gets a name when it is complete.
def linkat(fd, to):
    follow = 0x400
    return 0 if libc.linkat(-100, b"/proc/self/fd/%d" % fd, -100, os.fsencode(to), follow) == 0 else ctypes.get_errno()
fd = os.open(a, os.O_TMPFILE | os.O_RDWR, 0o640)
os.write(fd, b"complete")
assert os.fstat(fd).st_nlink == 0 and os.pread(fd, 10, 0) == b"complete"
before = sorted(os.listdir(b))
assert linkat(fd, a + "/named") == 0
os.close(fd)
assert open(b + "/named", "rb").read() == b"complete" and os.stat(b + "/named").st_nlink == 1
assert sorted(before + ["named"]) == sorted(os.listdir(b))
fd = os.open(a, os.O_TMPFILE | os.O_EXCL | os.O_RDWR, 0o640)
assert linkat(fd, a + "/never") == errno.ENOENT
os.write(fd, bytes(100000))
os.fsync(fd)
os.close(fd)
raises(errno.EISDIR, os.open, a, os.O_CREAT | os.O_RDWR)
ok("O_TMPFILE")

# Many at once.
errors = []
def worker(n):
    try:
        for i in range(60):
            p = f"{a}/many-{n}-{i}"
            with open(p, "wb") as f: f.write(os.urandom(3000))
            assert len(open(p, "rb").read()) == 3000
            os.rename(p, p + "r")
            os.unlink(p + "r")
    except BaseException as e: errors.append(e)
threads = [threading.Thread(target=worker, args=(n,)) for n in range(8)]
for t in threads: t.start()
for t in threads: t.join()
assert not errors, errors
ok("eight threads")
PYTHON
check "the list" timeout 120 python3 "$work/expect.py" "$mnt" "$other"

as_user() { setpriv --reuid 1500 --regid 1500 --clear-groups -- "$@"; }
mkdir -m 1777 "$mnt/shared"
echo '#!/bin/sh' >"$mnt/shared/program"
chmod 6777 "$mnt/shared/program"
echo more >>"$mnt/shared/program"
[ "$(stat -c %a "$mnt/shared/program")" = 6777 ] || fail "root writes, and the set-id bits are gone: $(stat -c %a "$mnt/shared/program")"
as_user sh -c "echo more >>'$mnt/shared/program'"
[ "$(stat -c %a "$other/shared/program")" = 777 ] || fail "a user wrote, and the set-id bits stay: $(stat -c %a "$other/shared/program")"
chmod 6777 "$mnt/shared/program"
as_user truncate -s 3 "$mnt/shared/program"
[ "$(stat -c %a "$other/shared/program")" = 777 ] || fail "a user cut it, and the set-id bits stay: $(stat -c %a "$other/shared/program")"
chmod 6777 "$mnt/shared/program"
as_user sh -c ": >'$mnt/shared/program'"
[ "$(stat -c %a "$other/shared/program")" = 777 ] || fail "a user emptied it, and the set-id bits stay: $(stat -c %a "$other/shared/program")"
as_user cp /bin/true "$mnt/shared/own"
as_user chmod 4755 "$mnt/shared/own"
as_user cp -p "$mnt/shared/own" "$mnt/shared/copy"
[ "$(stat -c %a "$other/shared/copy")" = 4755 ] || fail "cp -p of one's own program loses its bits: $(stat -c %a "$other/shared/copy")"
echo "ok: set-id bits"
