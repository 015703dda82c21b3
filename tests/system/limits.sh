#!/bin/bash
# Where it ends: names of 255 bytes, paths and links of 4,095, a directory of 20,000 entries that is listed while it changes; and what chmod(1)'s cousin chattr(1) hears.
. "$(dirname "$0")/lib.sh"
begin --mounts 2
cat >"$work/limits.py" <<'PYTHON'
import concurrent.futures, ctypes, errno, fcntl, os, random, sys, threading
a, b = sys.argv[1:3]
libc = ctypes.CDLL(None, use_errno=True)

def ok(what): print("ok:", what, flush=True)
def raises(number, call, *arguments):
    try: call(*arguments)
    except OSError as e: assert e.errno == number, (e, number)
    else: raise AssertionError(f"{call} succeeded")
def many(call, items):
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        for _ in pool.map(call, items, chunksize=64): pass

# Names and paths.
name = "\u00e4" * 127 + "x"
assert len(os.fsencode(name)) == 255
open(f"{a}/{name}", "w").write("long")
assert open(f"{b}/{name}").read() == "long" and name in os.listdir(b)
raises(errno.ENAMETOOLONG, os.mkdir, f"{a}/{name}y")
for n in (b"\x01", b"\xff\xfe", b"new\nline", b" ", b"...", b"-rf"):
    os.mkdir(os.fsencode(a) + b"/" + n)
    assert n in os.listdir(os.fsencode(b))
    os.rmdir(os.fsencode(b) + b"/" + n)
path = a
while len(path) + 101 < 4090: # Directory by directory, as mkdir -p does.
    path += "/" + "d" * 100
    os.mkdir(path)
path += "/" + "f" * (4095 - len(path) - 1)
assert len(path) == 4095
open(path, "w").write("deep")
other = b + path[len(a):]
os.chdir(b)
assert open("." + path[len(a):]).read() == "deep"
raises(errno.ENAMETOOLONG, open, path + "x")
target = "t" * 4095
os.symlink(target, a + "/link")
assert os.readlink(b + "/link") == target and os.lstat(b + "/link").st_size == 4095
raises(errno.ENAMETOOLONG, os.symlink, target + "t", a + "/link2")
ok("names of 255 bytes, paths and links of 4,095")

# chattr(1), lsattr(1).
fd = os.open(a + "/" + name, os.O_RDONLY)
for request in (0x80086601, 0x801c581f):  # FS_IOC_GETFLAGS, FS_IOC_FSGETXATTR
    raises(errno.ENOTTY, fcntl.ioctl, fd, request, bytes(28))
raises(errno.ENOTTY, fcntl.ioctl, fd, 0x40086602, bytes(8))  # FS_IOC_SETFLAGS
os.close(fd)
ok("no flags of chattr")

# A large directory. What stays is listed exactly once, whatever else comes and goes.
os.mkdir(a + "/large")
stay = {f"stay-{i}" for i in range(10000)}
many(lambda n: os.mknod(f"{a}/large/{n}"), sorted(stay))
many(lambda n: os.mknod(f"{a}/large/{n}"), [f"go-{i}" for i in range(10000)])
assert len(os.listdir(b + "/large")) == 20000
class Dirent(ctypes.Structure):
    _fields_ = [("ino", ctypes.c_uint64), ("off", ctypes.c_int64), ("reclen", ctypes.c_uint16), ("type", ctypes.c_uint8), ("name", ctypes.c_char * 256)]
libc.opendir.restype = ctypes.c_void_p
libc.readdir.restype = ctypes.POINTER(Dirent)
libc.telldir.restype = ctypes.c_long
for f in (libc.readdir, libc.telldir, libc.closedir, libc.rewinddir): f.argtypes = [ctypes.c_void_p]
libc.seekdir.argtypes = [ctypes.c_void_p, ctypes.c_long]
stop = threading.Event()
failures = []
def change(who):
    try: change_until_stopped(who)
    except BaseException as e: failures.append(e)
def change_until_stopped(who):
    i = 0
    while not stop.is_set():
        n = f"{a}/large/go-{random.randrange(10000)}"
        try:
            if i % 3 == 0: os.rename(n, n + "-moved")
            elif i % 3 == 1: os.unlink(n)
            else: os.mknod(f"{a}/large/new-{who}-{i}")
        except FileNotFoundError: pass
        i += 1
changers = [threading.Thread(target=change, args=(who,)) for who in range(2)]
for t in changers: t.start()
for root in (a, b):
    d = libc.opendir(os.fsencode(root + "/large"))
    seen, places = {}, []
    while e := libc.readdir(d):
        n = e.contents.name.decode()
        seen[n] = seen.get(n, 0) + 1
        if n in stay and len(seen) % 1000 == 0: places.append((libc.telldir(d), n))
    assert all(seen.get(n) == 1 for n in stay), "a name that stayed was listed twice or not at all"
    assert all(count == 1 for count in seen.values()), "a name was listed twice"
    order = [n for n in seen if n in stay]
    random.shuffle(places)
    for place, n in places:  # Where it went on then, it goes on now.
        libc.seekdir(d, place)
        following = order[order.index(n) + 1] if n != order[-1] else None
        while e := libc.readdir(d):
            if e.contents.name.decode() in stay: break
        assert (e.contents.name.decode() if e else None) == following, "seekdir leads elsewhere"
    libc.rewinddir(d)
    assert libc.readdir(d).contents.name == b"."
    libc.closedir(d)
stop.set()
for t in changers: t.join()
assert not failures, failures
ok("20,000 entries, listed while they change")
PYTHON
check "the limits" timeout 280 python3 "$work/limits.py" "$mnt" "$c/mnt2"
