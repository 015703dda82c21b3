"""The workloads of one pass over one directory. compare calls run_pass(); report.py reads its result."""
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import tarfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
GROUPS = ["seq", "rand", "meta", "small", "tree", "sqlite"]
TICKS = os.sysconf("SC_CLK_TCK")


def build_load(work):
    """Compile the load generator into the scratch directory; returns its path."""
    load = os.path.join(work, "bench-load")
    sources = sorted(os.path.join(HERE, f) for f in os.listdir(HERE) if f.endswith(".c"))
    subprocess.run(["cc", "-std=gnu17", "-O2", "-D_GNU_SOURCE", "-pthread",
                    "-I", os.path.dirname(os.path.dirname(HERE)), "-o", load, *sources],
                   check=True)
    return load


def make_tree(path, wanted):
    """A tar of `wanted` files of at most 256 KiB from this machine's headers and documentation."""
    count = 0
    with tarfile.open(path + ".tmp", "w") as tar:
        for top in ("/usr/include", "/usr/share/doc", "/usr/share/perl", "/usr/share"):
            for root, dirs, files in os.walk(top):
                dirs.sort()
                for name in sorted(files):
                    source = os.path.join(root, name)
                    if os.path.islink(source) or os.path.getsize(source) > 256 * 1024:
                        continue
                    tar.add(source, arcname=source.lstrip("/"), recursive=False)
                    count += 1
                    if count == wanted:
                        os.replace(path + ".tmp", path)
                        return
    os.replace(path + ".tmp", path)


def processes(pids):
    """{name: (CPU seconds, resident MiB)} of the file system's processes."""
    found = {}
    for name in sorted(os.listdir(pids)) if pids and os.path.isdir(pids) else []:
        if not name.endswith(".pid"):
            continue
        try:
            with open(os.path.join(pids, name)) as f:
                pid = int(f.read())
            with open(f"/proc/{pid}/stat") as f:
                stat = f.read().rsplit(")", 1)[1].split()
            found[name[:-4]] = ((int(stat[11]) + int(stat[12])) / TICKS,
                                int(stat[21]) * os.sysconf("SC_PAGE_SIZE") / 2**20)
        except (OSError, ValueError, IndexError):
            continue
    return found


class Pass:
    """Measures into self.results: {workload: {value, unit, seconds, procs, …}}."""

    def __init__(self, directory, pids, options):
        self.dir = os.path.join(directory, f"bench.{os.getpid()}")
        self.pids = pids
        self.o = options
        self.results = {}
        self.errors = []

    def add(self, row):
        name = row.pop("name")
        self.results[name] = row
        print(f"    {name:26s} {row['value']:12.1f} {row['unit']:9s} {row['seconds']:7.2f} s "
              f"flushes {row.get('flushes', 0)}", flush=True)

    def load(self, *arguments, record=True):
        before = processes(self.pids)
        done = subprocess.run([self.o.load, *map(str, arguments)], capture_output=True, text=True,
                              env=dict(os.environ, BENCH_PIDS=self.pids or ""))
        after = processes(self.pids)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        used = {n: {"cpu_s": round(after[n][0] - before[n][0], 2), "rss_mib": round(after[n][1], 1)}
                for n in after if n in before}
        for row in rows:
            row["procs"] = used
            if record:
                self.add(row)
        if done.returncode:
            self.fail(str(arguments[0]), done.stderr.strip()[-300:])

    def fail(self, what, why):
        self.errors.append(f"{what}: {why}")
        print(f"    {what}: FAILED: {why}", flush=True)

    def timed(self, name, action, unit="s"):
        start = time.monotonic()
        try:
            work = action()
        except (OSError, sqlite3.Error) as error:
            self.fail(name, str(error)[-300:])
            return
        seconds = time.monotonic() - start
        self.add({"name": name, "value": seconds if unit == "s" else work / seconds, "unit": unit,
                  "seconds": seconds, "work": work})

    def seq(self):
        big = os.path.join(self.dir, "big")
        self.load("seqwrite", big, self.o.size)
        self.load("seqread", big, self.o.size, "cold")
        self.load("seqread", big, self.o.size, "warm")

    def rand(self):
        big, size, seconds = os.path.join(self.dir, "big"), self.o.size, self.o.seconds
        if not os.path.exists(big):
            self.load("seqwrite", big, size, record=False)
        self.load("randread", big, size, 1, seconds)
        self.load("randread", big, size, 16, seconds)
        self.load("randwrite", big, size, 1, 2 * seconds, 16384, "fsync")
        self.load("randwrite", big, size, 1, seconds, 0, "fdatasync")
        self.load("randwrite", big, size, 16, seconds, 0, "fdatasync")

    def meta(self):
        for threads in (1, 4):
            self.load("meta", os.path.join(self.dir, f"meta{threads}"), threads, self.o.files,
                      self.o.seconds)

    def small(self):
        for threads in (1, 4):
            self.load("small", os.path.join(self.dir, f"small{threads}"), threads, 5000, 4096,
                      2 * self.o.seconds)

    def tree(self):
        top = os.path.join(self.dir, "tree")
        a, b = os.path.join(top, "a"), os.path.join(top, "b")
        os.makedirs(a)

        def call(*command, accepted=(0,)):
            done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                  text=True)
            if done.returncode not in accepted:
                raise OSError(f"{command[0]}: {done.stderr.strip()[-250:]}")
            return 1

        self.timed("untar", lambda: call("tar", "-xf", self.o.tree, "-C", a))
        self.timed("cp_r", lambda: call("cp", "-r", a, b))
        subprocess.run([self.o.load, "drop"], check=True)
        self.timed("grep_r_cold", lambda: call("grep", "-rc", "no such string in here", a,
                                               accepted=(0, 1)))
        self.timed("find_warm", lambda: call("find", a, "-size", "+1000M"))
        self.timed("rm_rf", lambda: call("rm", "-rf", a))

    def sqlite(self):
        for mode in ("DELETE", "WAL"):
            directory = os.path.join(self.dir, "sqlite" + mode)
            os.makedirs(directory)

            def insert():
                db = sqlite3.connect(os.path.join(directory, "t.db"), isolation_level=None)
                try:
                    if db.execute(f"PRAGMA journal_mode={mode}").fetchone()[0].upper() != mode:
                        raise OSError(f"journal mode {mode} refused")
                    db.execute("PRAGMA synchronous=FULL")
                    db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB)")
                    stop, count = time.monotonic() + 3 * self.o.seconds, 0
                    while count < 1000 and time.monotonic() < stop:
                        db.execute("INSERT INTO t(v) VALUES(?)", (os.urandom(100),))
                        count += 1
                    return count
                finally:
                    db.close()

            self.timed(f"sqlite_{mode.lower()}", insert, unit="tx/s")

    def run(self):
        os.makedirs(self.dir)
        for group in self.o.groups:
            getattr(self, group)()
        memory = {n: round(rss, 1) for n, (_, rss) in processes(self.pids).items()}
        shutil.rmtree(self.dir, ignore_errors=True)
        return {"results": self.results, "errors": self.errors, "rss_mib": memory}


def median(passes, name):
    """Median value of a workload over the passes, or None."""
    values = [p["results"][name]["value"] for p in passes if name in p["results"]]
    return statistics.median(values) if values else None
