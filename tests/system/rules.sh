#!/bin/bash
# Who may do what, and what becomes of modes, owners, lists and attributes: one story, told on the local disk and across two mounts.
# Every line must be the same: access control lists, extended attributes, set-id bits, sticky directories, many users and groups.
. "$(dirname "$0")/lib.sh"
begin --mounts 2
chmod 755 "$work" "$c"
mkdir -m 755 "$work/local" "$mnt/t"
cat >"$work/story.py" <<'PYTHON'
import errno, os, stat, struct, sys
a, b = sys.argv[1:3]  # Changed through a, looked at through b.
ANN, BOB, EVE = 2001, 2002, 2003
STAFF = 3001
os.umask(0)

def tell(*words): print(*words, flush=True)

def outcome(call, *arguments, **named):
    try: got = call(*arguments, **named)
    except OSError as e: return errno.errorcode[e.errno]
    return "ok" if got is None else got

def become(uid, gid, groups, call, *arguments, **named):
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setgroups(groups)
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
        os.write(w, str(outcome(call, *arguments, **named)).encode())
        os._exit(0)
    os.close(w)
    text = os.fdopen(r).read()
    os.waitpid(pid, 0)
    return text

def user(uid, call, *arguments, groups=(), gid=None, **named):
    return become(uid, uid if gid is None else gid, list(groups), call, *arguments, **named)

def read(path):
    with open(path, "rb") as f: return len(f.read())

def append(path, data=b"more"):
    fd = os.open(path, os.O_WRONLY | os.O_APPEND)
    try: os.write(fd, data)
    finally: os.close(fd)

def create(path, mode=0o666, umask=None):
    if umask is not None: os.umask(umask)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))

def mkdir(path, mode=0o777, umask=None):
    if umask is not None: os.umask(umask)
    os.mkdir(path, mode)

def look(path):
    s = os.lstat(path)
    return f"{stat.filemode(s.st_mode)} {s.st_uid}:{s.st_gid}"

TAGS = {"u": (1, 2), "g": (4, 8), "m": (16, 16), "o": (32, 32)}
def acl(text):
    value = struct.pack("<I", 2)
    for entry in text.split():
        kind, who, perm = entry.split(":")
        bits = sum(x for c, x in zip("rwx", (4, 2, 1)) if c in perm)
        value += struct.pack("<HHI", TAGS[kind][who != ""], bits, int(who) if who else 0xFFFFFFFF)
    return value

def shown(value):
    text = []
    for at in range(4, len(value), 8):
        tag, bits, who = struct.unpack_from("<HHI", value, at)
        kind = next(k for k, v in TAGS.items() if tag in v)
        name = str(who) if tag in (2, 8) else ""
        text.append(f"{kind}:{name}:" + "".join(c for c, x in zip("rwx", (4, 2, 1)) if bits & x))
    return " ".join(text)

ACCESS, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"
def lists(path):
    got = []
    for name in (ACCESS, DEFAULT):
        try: got.append(shown(os.getxattr(path, name)))
        except OSError as e: got.append(errno.errorcode[e.errno])
    return " | ".join([look(path)] + got)

def setacl(path, name, text, flags=0): os.setxattr(path, name, acl(text), flags)

# --- Access control lists. ---
os.chdir(a)
os.mkdir("l", 0o777)
os.chmod("l", 0o777)
f, F = a + "/l/f", b + "/l/f"
create(f, 0o640)
os.chown(f, ANN, ANN)
tell("a file", lists(F), user(BOB, read, F), user(BOB, append, F))
tell("named user", outcome(setacl, f, ACCESS, f"u::rw u:{BOB}:rw g::r m::rw o::"), lists(F))
tell("he may", user(BOB, read, F), user(BOB, append, F), user(EVE, read, F))
tell("chmod moves the mask", outcome(os.chmod, f, 0o600), lists(F), user(BOB, read, F))
tell("and back", outcome(os.chmod, f, 0o640), lists(F), user(BOB, read, F), user(BOB, append, F))
tell("named group", outcome(setacl, f, ACCESS, f"u::rw g:: g:{STAFF}:rw m::rw o::"), lists(F))
tell("members may", user(BOB, append, F, groups=[STAFF]), user(BOB, append, F), user(BOB, append, F, gid=STAFF))
tell("a deny by name", outcome(setacl, f, ACCESS, f"u::rw u:{EVE}: g::r m::r o::r"), user(EVE, read, F), user(BOB, read, F))
tell("minimal folds", outcome(setacl, f, ACCESS, "u::rw g::r o::"), lists(F), sorted(os.listxattr(F)))
tell("not his file", user(BOB, setacl, f, ACCESS, "u::rw g::r o::"), user(BOB, os.removexattr, f, ACCESS), user(BOB, os.chmod, f, 0o777))
tell("hers", user(ANN, setacl, f, ACCESS, f"u::rw u:{BOB}:r g::r m::r o::"), lists(F), sorted(os.listxattr(F)))
tell("removed", user(ANN, os.removexattr, f, ACCESS), lists(F), user(ANN, os.removexattr, f, ACCESS))
for text in ("u::rw g::r", "u::rw u:5:r g::r o::", "g::r u::rw o::", "u::rw u::rw g::r o::", "u::rw g::r m::r m::r o::"):
    tell("bad list", outcome(setacl, f, ACCESS, text))
tell("bad bytes", outcome(os.setxattr, f, ACCESS, b"\2\0\0"), outcome(os.setxattr, f, ACCESS, b"\3\0\0\0" + acl("u::rw g::r o::")[4:]))
tell("empty list", outcome(setacl, f, ACCESS, f"u::rw u:{BOB}:r g::r m::r o::"), outcome(os.setxattr, f, ACCESS, acl("")), lists(F))
tell("default on a file", outcome(setacl, f, DEFAULT, "u::rwx g::rx o::"), outcome(os.removexattr, f, DEFAULT))
os.symlink("f", a + "/l/s")
tell("on a link", outcome(os.setxattr, a + "/l/s", ACCESS, acl("u::rw g::r o::"), 0, follow_symlinks=False),
     outcome(os.getxattr, b + "/l/s", ACCESS, follow_symlinks=False))

d, D = a + "/l/d", b + "/l/d"
os.mkdir(d, 0o755)
tell("default", outcome(setacl, d, DEFAULT, f"u::rwx u:{BOB}:rwx g::rx m::rwx o::x"), lists(D))
tell("file in it", user(0, create, d + "/f", 0o666, 0o077), lists(D + "/f"))
tell("program in it", user(0, create, d + "/p", 0o751, 0o077), lists(D + "/p"))
tell("directory in it", user(0, mkdir, d + "/d", 0o700, 0o022), lists(D + "/d"))
tell("fifo in it", outcome(os.mkfifo, d + "/fifo", 0o622), lists(D + "/fifo"))
tell("device in it", outcome(os.mknod, d + "/dev", 0o622 | stat.S_IFCHR, os.makedev(1, 3)), lists(D + "/dev"))
tell("link in it", outcome(os.symlink, "f", d + "/s"), look(D + "/s"))
tell("grandchild", user(0, mkdir, d + "/d/d", 0o777, 0o077), lists(D + "/d/d"), user(BOB, create, D + "/d/d/x"))
tell("minimal default", outcome(setacl, d, DEFAULT, "u::rwx g::rx o::"), user(0, create, d + "/g", 0o666, 0o077), lists(D + "/g"), lists(D))
tell("no default", outcome(os.removexattr, d, DEFAULT), user(0, create, d + "/h", 0o666, 0o027), lists(D + "/h"))
tell("renamed keeps", outcome(os.rename, d + "/f", a + "/l/moved"), lists(b + "/l/moved"))
tell("chown keeps", outcome(os.chown, a + "/l/moved", EVE, EVE), lists(b + "/l/moved"))
tell("search by list", outcome(os.chmod, d, 0o700), user(EVE, os.listdir, D), outcome(setacl, d, ACCESS, f"u::rwx u:{EVE}:rx g:: m::rx o::"),
     user(EVE, lambda: len(os.listdir(D))), user(BOB, os.listdir, D))

# Set-group-id and lists.
p, P = a + "/l/p", b + "/l/p"
create(p, 0o755)
os.chown(p, ANN, STAFF)
os.chmod(p, 0o2755)
tell("list by a stranger to the group", user(ANN, setacl, p, ACCESS, "u::rwx g::rx o::rx"), lists(P))
os.chmod(p, 0o2755)
tell("by a member", user(ANN, setacl, p, ACCESS, "u::rwx g::rx o::rx", groups=[STAFF]), lists(P))
tell("chmod by a stranger", user(ANN, os.chmod, p, 0o2755), look(P), user(ANN, os.chmod, p, 0o2755, groups=[STAFF]), look(P))

# --- Extended attributes. ---
x, X = a + "/x", b + "/x"
create(x, 0o644)
os.chown(x, ANN, ANN)
os.mkfifo(a + "/pipe")
os.symlink("x", a + "/sym")
os.mkdir(a + "/sticky", 0o1777)
os.chmod(a + "/sticky", 0o1777)
for name in ("user.a", "trusted.a", "security.a", "system.a", "other.a", "user.", "trusted.", "user", "system.posix_acl_other"):
    tell("root", name, outcome(os.setxattr, x, name, b"v"), outcome(os.getxattr, X, name), outcome(os.removexattr, a + "/nosuch", name))
for name in ("user.b", "trusted.b", "security.b"):
    tell("owner", name, user(ANN, os.setxattr, x, name, b"v"), user(ANN, os.getxattr, X, name))
tell("trusted by another", user(ANN, os.getxattr, X, "trusted.a"), user(ANN, os.removexattr, x, "trusted.a"))
tell("names for root", sorted(os.listxattr(X)), "for others", user(ANN, lambda: sorted(os.listxattr(X))))
tell("without permission", user(BOB, os.setxattr, x, "user.c", b"v"), user(BOB, os.getxattr, X, "user.a"), user(BOB, os.removexattr, x, "user.a"))
os.chmod(x, 0o600)
tell("unreadable", user(BOB, os.getxattr, X, "user.a"), user(BOB, os.getxattr, X, "security.a"))
tell("create, replace", outcome(os.setxattr, x, "user.a", b"w", os.XATTR_CREATE), outcome(os.setxattr, x, "user.n", b"w", os.XATTR_REPLACE),
     outcome(os.setxattr, x, "user.a", b"w", os.XATTR_REPLACE), outcome(os.setxattr, x, "user.n", b"", os.XATTR_CREATE), os.getxattr(X, "user.n"))
tell("removal", outcome(os.removexattr, x, "user.n"), outcome(os.removexattr, x, "user.n"), outcome(os.getxattr, X, "user.n"))
tell("limits", outcome(os.setxattr, x, "user." + "n" * 250, b"v"), outcome(os.setxattr, x, "user." + "n" * 251, b"v"),
     outcome(os.setxattr, x, "user.big", b"v" * 65537), outcome(os.getxattr, X, "user." + "n" * 251))
for special in ("pipe", "sym"):
    tell(special, outcome(os.setxattr, f"{a}/{special}", "user.a", b"v", follow_symlinks=False), outcome(os.getxattr, f"{b}/{special}", "user.a", follow_symlinks=False),
         outcome(os.setxattr, f"{a}/{special}", "trusted.a", b"v", follow_symlinks=False), outcome(os.getxattr, f"{b}/{special}", "trusted.a", follow_symlinks=False))
tell("sticky directory", user(EVE, os.setxattr, a + "/sticky", "user.a", b"v"), outcome(os.setxattr, a + "/sticky", "user.a", b"v"),
     user(EVE, os.getxattr, b + "/sticky", "user.a"), user(EVE, os.removexattr, a + "/sticky", "user.a"))

# --- Set-id bits. ---
for mode in (0o6755, 0o6745, 0o2745, 0o4711, 0o6777):
    for what, call in (("write", lambda: append(P)), ("write nothing", lambda: append(P, b"")), ("truncate", lambda: os.truncate(P, 1)),
                       ("same size", lambda: os.truncate(P, os.stat(P).st_size)), ("O_TRUNC", lambda: os.close(os.open(P, os.O_WRONLY | os.O_TRUNC)))):
        for name, who, group in (("root", 0, 0), ("owner", ANN, ANN)):
            p, P = a + "/suid", b + "/suid"
            create(p)
            append(p)
            os.chown(p, ANN, ANN)
            os.chmod(p, mode)
            tell(oct(mode), what, "by", name, become(who, group, [], call), look(p))
            os.unlink(p)
    for name, who, uid, gid in (("root gives away", 0, BOB, -1), ("root changes nothing", 0, -1, -1), ("same owner", 0, ANN, ANN),
                                ("owner to own group", ANN, -1, ANN), ("owner to a group of hers", ANN, -1, STAFF), ("owner to nobody's", ANN, -1, BOB),
                                ("owner to another", ANN, BOB, -1), ("another", BOB, BOB, -1)):
        create(a + "/given")
        os.chown(a + "/given", ANN, ANN)
        os.chmod(a + "/given", mode)
        tell(oct(mode), name, become(who, who, [STAFF] if who == ANN else [], os.chown, a + "/given", uid, gid), look(b + "/given"))
        os.unlink(a + "/given")
        os.mkdir(a + "/given")
        os.chown(a + "/given", ANN, ANN)
        os.chmod(a + "/given", mode)
        tell(oct(mode), name, "directory", become(who, who, [STAFF] if who == ANN else [], os.chown, a + "/given", uid, gid), look(b + "/given"))
        os.rmdir(a + "/given")

# --- Groups come from set-group-id directories. ---
os.mkdir(a + "/g")
os.chown(a + "/g", 0, STAFF)
os.chmod(a + "/g", 0o2777)
tell("file by a stranger", user(ANN, create, a + "/g/f", 0o2755), look(b + "/g/f"))
tell("file by a member", user(ANN, create, a + "/g/m", 0o2755, groups=[STAFF]), look(b + "/g/m"))
tell("without execution", user(ANN, create, a + "/g/n", 0o2644), look(b + "/g/n"))
tell("directory", user(ANN, mkdir, a + "/g/d", 0o755), look(b + "/g/d"))
tell("its own file", user(ANN, create, a + "/g/d/f"), look(b + "/g/d/f"))
tell("link", user(ANN, os.symlink, "x", a + "/g/s"), look(b + "/g/s"))
tell("fifo", user(ANN, os.mkfifo, a + "/g/p", 0o622), look(b + "/g/p"))

# --- Sticky directories. ---
os.mkdir(a + "/st")
os.chown(a + "/st", EVE, EVE)
os.chmod(a + "/st", 0o1777)
os.mkdir(a + "/open")
os.chmod(a + "/open", 0o777)
for name in ("1", "2", "3", "4", "5"):
    user(ANN, create, f"{a}/st/{name}")
user(ANN, mkdir, a + "/st/d")
user(BOB, create, a + "/st/b")
tell("another", user(BOB, os.unlink, b + "/st/1"), user(BOB, os.rename, b + "/st/1", b + "/st/9"), user(BOB, os.rename, b + "/st/1", b + "/open/9"),
     user(BOB, os.rmdir, b + "/st/d"), user(BOB, os.rename, b + "/st/b", b + "/st/1"), user(BOB, os.link, b + "/st/b", b + "/st/c"))
tell("the file's owner", user(ANN, os.unlink, b + "/st/1"), user(ANN, os.rename, b + "/st/2", b + "/st/3"))
tell("the directory's owner", user(EVE, os.unlink, b + "/st/3"), user(EVE, os.rmdir, b + "/st/d"))
tell("root", outcome(os.unlink, b + "/st/4"), sorted(os.listdir(a + "/st")))

# --- Many users and groups. ---
os.mkdir(a + "/home", 0o755)
for i in range(40):
    os.mkdir(f"{a}/home/{i}")
    os.chown(f"{a}/home/{i}", 5000 + i, 6000 + i % 5)
    os.chmod(f"{a}/home/{i}", (0o700, 0o750, 0o770, 0o755, 0o2770)[i % 5])
for i in range(40):
    tell("user", i, [user(5000 + i, create, f"{b}/home/{j}/by{i}", gid=5000 + i, groups=[6000 + i % 5]) for j in range(0, 40, 3)],
         [user(5000 + i, lambda: len(os.listdir(f"{b}/home/{j}")), groups=range(6000, 6003)) for j in range(1, 40, 5)])
tell("at the end", [(look(f"{a}/home/{i}"), sorted((n, look(f"{a}/home/{i}/{n}")) for n in os.listdir(f"{a}/home/{i}"))) for i in range(40)])
wide = list(range(7000, 7400))
os.mkdir(a + "/wide")
os.chown(a + "/wide", 0, 7399)
os.chmod(a + "/wide", 0o770)
tell("hundreds of groups", user(ANN, create, b + "/wide/f", groups=wide), user(ANN, create, b + "/wide/g", groups=wide[:-1]))

# --- Who may open, link, set times. ---
create(a + "/t", 0o640)
os.chown(a + "/t", ANN, STAFF)
tell("group member", user(BOB, read, b + "/t", groups=[STAFF]), user(BOB, append, b + "/t", groups=[STAFF]), user(BOB, read, b + "/t"))
tell("times", user(ANN, os.utime, a + "/t", (1, 2)), user(BOB, os.utime, a + "/t", (1, 2)), user(BOB, os.utime, a + "/t"))
os.chmod(a + "/t", 0o666)
tell("by a writer", user(BOB, os.utime, a + "/t", (1, 2)), user(BOB, os.utime, a + "/t"), os.stat(b + "/t").st_mtime > 1e9)
tell("access", [user(BOB, os.access, b + "/t", m) for m in (os.R_OK, os.W_OK, os.X_OK)], [outcome(os.access, b + "/t", m) for m in (os.R_OK, os.W_OK, os.X_OK)])
PYTHON
python3 "$work/story.py" "$work/local" "$work/local" >"$work/expected" || fail "the story does not work on the local disk"
python3 "$work/story.py" "$mnt/t" "$c/mnt2/t" >"$work/got" || fail "the story ends early"
diff -u "$work/expected" "$work/got" >&2 || fail "two mounts answer otherwise than the local disk"
echo "ok: $(wc -l <"$work/got") answers are those of the local disk"
head -c 65536 /dev/zero | tr '\0' v >"$work/value"
python3 -c 'import os,sys; v = open(sys.argv[3], "rb").read(); os.setxattr(sys.argv[1], "user.big", v); assert os.getxattr(sys.argv[2], "user.big") == v' \
	"$mnt/t/x" "$c/mnt2/t/x" "$work/value" || fail "a value of 64 KiB"
echo "ok: values of 64 KiB"
