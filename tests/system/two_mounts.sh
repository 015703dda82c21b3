#!/bin/bash
# Two mounts, one truth: what a call on one has done, the next call on the other sees.
. "$(dirname "$0")/lib.sh"
begin --mounts 2
mnt2=$c/mnt2

cat >"$work/rounds.py" <<'PY'
import os, random, sys, threading, time
mounts, rounds = sys.argv[1:3], int(sys.argv[3])
random.seed(7)


def absent(path):
    try:
        os.stat(path)
    except FileNotFoundError:
        return True
    return False


def content(path):
    with open(path, "rb") as f:
        return f.read()


def one(i, a, b):
    """Change through a, look through b, which has looked before."""
    name, other = f"/n{i % 7}", f"/m{i % 5}"
    data = bytes(random.randrange(256) for _ in range(random.randrange(1, 9000)))
    assert absent(b + name)
    with open(a + name, "wb") as f:
        f.write(data)
    assert os.stat(b + name).st_size == len(data) and content(b + name) == data
    os.chmod(a + name, 0o640)
    assert os.stat(b + name).st_mode & 0o777 == 0o640
    with open(a + name, "ab") as f:
        f.write(b"more")
    assert content(b + name) == data + b"more"
    os.truncate(a + name, 3)
    assert content(b + name) == data[:3] + b"\0" * (3 - len(data[:3]))
    os.link(a + name, a + "/link")
    assert os.stat(b + name).st_nlink == 2
    os.unlink(a + "/link")
    assert absent(b + "/link") and os.stat(b + name).st_nlink == 1
    os.setxattr(a + name, "user.n", b"%d" % i)
    assert os.getxattr(b + name, "user.n") == b"%d" % i
    with open(a + other, "wb") as f:
        f.write(b"new")
    assert content(b + other) == b"new"
    os.rename(a + other, a + name)
    assert absent(b + other) and content(b + name) == b"new"
    os.mkdir(a + "/d")
    os.symlink("over/there", a + "/d/s")
    assert os.listdir(b + "/d") == ["s"] and os.readlink(b + "/d/s") == "over/there"
    os.unlink(a + "/d/s")
    os.rmdir(a + "/d")
    assert absent(b + "/d")
    os.unlink(a + name)
    assert absent(b + name)


for i in range(rounds):
    one(i, *(mounts if i % 2 == 0 else mounts[::-1]))
print(f"{rounds} rounds")

# Both make, rename and remove in one directory at once: nobody waits long for the other.
worst, failures = [0.0, 0.0], []


def busy(which):
    top, end, i = mounts[which], time.monotonic() + 8, 0
    try:
        while time.monotonic() < end:
            start, i = time.monotonic(), i + 1
            with open(f"{top}/new{which}", "w") as f:
                f.write(str(i))
            os.rename(f"{top}/new{which}", f"{top}/shared{i % 3}")
            assert content(f"{top}/shared{i % 3}")
            os.listdir(top)
            worst[which] = max(worst[which], time.monotonic() - start)
    except (OSError, AssertionError) as error:
        failures.append(f"mount {which}: {error!r}")


threads = [threading.Thread(target=busy, args=(n,)) for n in (0, 1)]
[t.start() for t in threads]
[t.join() for t in threads]
assert not failures, failures
assert max(worst) < 4, worst
print(f"longest turn {max(worst):.3f} s")
PY
check "each mount sees what the other did" timeout 200 python3 "$work/rounds.py" "$mnt" "$mnt2" 150

# A mount that is killed may hold up changes of what it had cached for ten seconds, and no longer.
echo one >"$mnt/file"
stat "$mnt2/file" >/dev/null
kill -9 "$(cat "$c/run/mnt2.pid")"
start=$SECONDS
check "a change of what a dead mount had cached goes through" timeout 20 sh -c "echo two >>'$mnt/file' && mv '$mnt/file' '$mnt/renamed'"
[ $((SECONDS - start)) -le 13 ] || fail "it took $((SECONDS - start)) s"
