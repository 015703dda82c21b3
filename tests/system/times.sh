#!/bin/bash
# Times: what moves which, to the nanosecond; access times under relatime, noatime, strictatime, nodiratime and after a remount.
. "$(dirname "$0")/lib.sh"
begin --mounts 2
mnt2=$c/mnt2
cat >"$work/times.py" <<'PYTHON'
import os, sys, time
a, b, kind = sys.argv[1:4]  # Read through a; b is another mount.

def atime(path): return os.stat(path).st_atime_ns
def read(path, flags=0):
    fd = os.open(path, os.O_RDONLY | flags)
    os.read(fd, 100)
    os.close(fd)
def fresh(name):
    """A file that was written after it was last read, and is in the kernel's pages."""
    with open(a + name, "wb") as f: f.write(b"x" * 5000)
    os.utime(a + name, ns=(10**9, 2 * 10**9))
    return a + name
def moves(path, how):
    before = atime(path)
    how(path)
    return atime(path) != before

always, never, dirs = kind == "strictatime", kind in ("noatime", "ro"), kind not in ("nodiratime", "noatime", "ro")
f = fresh("/f-" + kind)
assert moves(f, read) == (not never), "the first read after a change"
assert moves(f, read) == always, "the second"
os.utime(f, ns=(int((time.time() - 86401) * 1e9), 10**9))
assert moves(f, read) == (not never), "a day later"
os.utime(f, ns=(10**9, 2 * 10**9))
assert not moves(f, lambda p: read(p, os.O_NOATIME)), "O_NOATIME"
assert not moves(f, os.stat) and not moves(f, lambda p: open(p, "ab").close()), "stat, and opening to write"
os.utime(f, ns=(10**9 + 7, 2 * 10**9 + 9))
assert atime(f) == 10**9 + 7 and os.stat(f).st_mtime_ns == 2 * 10**9 + 9, "nanoseconds"
read(f)
os.utime(f, ns=(10**9 + 7, 2 * 10**9))
assert atime(f) == 10**9 + 7, "a time that is set back stays"
os.makedirs(a + "/d-" + kind)
d = a + "/d-" + kind
os.utime(d, ns=(10**9, 2 * 10**9))
assert moves(d, os.listdir) == dirs, "listing a directory"
os.symlink("f-" + kind, a + "/s-" + kind)
s = a + "/s-" + kind
os.utime(s, ns=(10**9, 2 * 10**9), follow_symlinks=False)
before = os.lstat(s).st_atime_ns
os.readlink(s)
assert (os.lstat(s).st_atime_ns != before) == (not never), "reading a link"
if kind == "relatime":
    f = fresh("/shared")
    read(f)
    mine = atime(f)
    end = time.time() + 60
    while atime(b + "/shared") != mine:
        assert time.time() < end, "the other mount never hears of it"
        time.sleep(1)
print("ok:", kind, flush=True)
PYTHON
check "relatime" python3 "$work/times.py" "$mnt" "$mnt2" relatime
helper=$(cat "$c/build")/fuse/mount.dfs
for kind in noatime strictatime nodiratime; do
	"$helper" x "$mnt" -o "remount,$kind"
	until_true 5 sh -c "! grep ' $mnt ' /proc/self/mountinfo | grep -q relatime || [ $kind = nodiratime ]" || fail "remount $kind does not show"
	check "after a remount with $kind" python3 "$work/times.py" "$mnt" "$mnt2" "$kind"
done

# What else moves: as the local disk says.
cat >"$work/moves.py" <<'PYTHON'
import os, sys, time
d = sys.argv[1] + "/moves"
os.mkdir(d)
names = ("f", "g", "sub", "l")
def marks():
    got = {}
    for n in (".",) + names:
        try: s = os.lstat(f"{d}/{n}")
        except FileNotFoundError: continue
        got[n] = (s.st_ino, s.st_mtime_ns, s.st_ctime_ns)
    return got
def step(what, call):
    before = marks()
    time.sleep(0.02)  # Local clocks tick in jiffies.
    call()
    after = marks()
    told = []
    for n in sorted(after):
        if n in before and before[n][0] == after[n][0]:
            told.append(n + ":" + ("m" if after[n][1] != before[n][1] else "") + ("c" if after[n][2] != before[n][2] else ""))
    print(what, *told)
def write(path, how, data=b"data"):
    with open(path, how) as f: f.write(data)
step("create", lambda: write(d + "/f", "wb"))
step("mkdir", lambda: os.mkdir(d + "/sub"))
step("symlink", lambda: os.symlink("f", d + "/l"))
step("write", lambda: write(d + "/f", "r+b"))
step("append", lambda: write(d + "/f", "ab"))
step("open to write", lambda: os.close(os.open(d + "/f", os.O_WRONLY)))
step("write nothing", lambda: write(d + "/f", "r+b", b""))
step("truncate", lambda: os.truncate(d + "/f", 2))
step("truncate to the same", lambda: os.truncate(d + "/f", 2))
step("longer", lambda: os.truncate(d + "/f", 200))
step("O_TRUNC", lambda: write(d + "/f", "wb", b""))
step("O_TRUNC of nothing", lambda: write(d + "/f", "wb", b""))
step("chmod", lambda: os.chmod(d + "/f", 0o600))
step("chmod to the same", lambda: os.chmod(d + "/f", 0o600))
step("chown", lambda: os.chown(d + "/f", 5, 5))
step("chown to nobody", lambda: os.chown(d + "/f", -1, -1))
step("utime", lambda: os.utime(d + "/f", ns=(5, 6)))
step("utime now", lambda: os.utime(d + "/f"))
step("setxattr", lambda: os.setxattr(d + "/f", "user.a", b"1"))
step("removexattr", lambda: os.removexattr(d + "/f", "user.a"))
step("link", lambda: os.link(d + "/f", d + "/g"))
step("unlink one name", lambda: os.unlink(d + "/g"))
step("rename", lambda: os.rename(d + "/f", d + "/f2"))
step("rename back", lambda: os.rename(d + "/f2", d + "/f"))
step("rename to the same inode", lambda: (os.link(d + "/f", d + "/g"), time.sleep(0.02), os.rename(d + "/f", d + "/g")))
step("rename over", lambda: (write(d + "/n", "wb"), os.rename(d + "/n", d + "/g")))
step("into a directory", lambda: os.rename(d + "/g", d + "/sub/g"))
step("out again", lambda: os.rename(d + "/sub/g", d + "/g"))
step("rename a directory", lambda: (os.rename(d + "/sub", d + "/sub2"), os.rename(d + "/sub2", d + "/sub")))
step("mkdir inside", lambda: os.mkdir(d + "/sub/x"))
step("rmdir inside", lambda: os.rmdir(d + "/sub/x"))
step("read", lambda: open(d + "/f", "rb").read())
step("list", lambda: os.listdir(d + "/sub"))
PYTHON
mkdir "$work/local"
python3 "$work/moves.py" "$work/local" >"$work/expected" || fail "the steps do not work on the local disk"
python3 "$work/moves.py" "$mnt2" >"$work/got" || fail "a step fails"
diff -u "$work/expected" "$work/got" >&2 || fail "times move otherwise than on the local disk"
echo "ok: mtime and ctime of $(wc -l <"$work/got") steps"
