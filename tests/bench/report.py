"""Tables and the chart of a comparison: pure functions of what compare measured."""
from workloads import median

TITLES = {
    "seqwrite": "sequential write, fsync at the end",
    "seqread_cold": "sequential read, cold",
    "seqread_warm": "sequential read again, warm",
    "randread_cold_t1": "random 4 KiB read, cold, 1 thread",
    "randread_cold_t16": "random 4 KiB read, cold, 16 threads",
    "randwrite_fsync_t1": "random 4 KiB write, one fsync at the end",
    "randwrite_fdatasync_t1": "random 4 KiB write + fdatasync each, 1 thread",
    "randwrite_fdatasync_t16": "random 4 KiB write + fdatasync each, 16 threads",
    "create": "create empty files", "stat_cold": "stat, cold",
    "stat_warm": "stat again, warm", "open_close": "open + close", "rename": "rename",
    "unlink": "unlink", "mkdir": "mkdir", "rmdir": "rmdir",
    "small_write": "write 4 KiB files", "small_read_cold": "read 4 KiB files, cold",
    "small_delete": "delete 4 KiB files", "untar": "untar a tree", "cp_r": "cp -r of it",
    "grep_r_cold": "grep -r over it, cold", "find_warm": "find over it, warm",
    "rm_rf": "rm -rf of it", "sqlite_delete": "SQLite FULL, rollback journal",
    "sqlite_wal": "SQLite FULL, WAL",
}

# FUSE calls, network round trips and disk flushes on the caller's path, in a directory that the mount knows whole
# (it made it, or has listed it) and under its leases; a round trip is two wake-ups of another process, and a FUSE
# call is two more. Each component of a path is a FUSE call of its own: the kernel keeps no names.
COSTS = {
    "create": "2 FUSE calls, 1 round trip, 1 log flush",
    "unlink": "2 FUSE calls, 1 round trip, 1 log flush; purge in batches",
    "rename": "3 FUSE calls, 1 round trip, 1 log flush",
    "mkdir": "2 FUSE calls, 1 round trip, 1 log flush",
    "rmdir": "2 FUSE calls, 1 round trip, 1 log flush; purge in batches",
    "stat_cold": "1 FUSE call per component; 1 round trip for a file not seen for 10 s",
    "stat_warm": "1 FUSE call per component, no round trip (lease)",
    "open_close": "1 FUSE call per component + 2, no round trip (OPEN and RELEASE are not waited for)",
    "small_write": "5 FUSE calls, 3 round trips (MAKE, WRITE, COMMIT), 2 log flushes, 1 file created",
    "small_read_cold": "5 FUSE calls, 2 to 3 round trips (LOOKUP, OPEN beside the caller, READ), 1 disk read, "
                       "1 hand-off to a thread",
    "small_delete": "2 FUSE calls, 1 round trip, 1 log flush; purge and chunk deletion in batches",
    "randwrite_fdatasync": "2 FUSE calls, 3 round trips, 1 flush each of data, index and log",
    "randread_cold": "1 FUSE call, 1 round trip, 1 disk read, 1 hand-off to a thread",
    "seqwrite": "requests of 512 KiB, 2 copies in user space (kernel to client, socket to file); the disk is the limit",
    "seqread_cold": "requests of 512 KiB, read ahead; 2 copies in user space",
}


def title(name):
    base, _, threads = name.rpartition("_t")
    if name in TITLES:
        return TITLES[name]
    if base in TITLES and threads.isdigit():
        return f"{TITLES[base]}, {threads} thread{'s' if threads != '1' else ''}"
    if name.startswith("ls_l_"):
        count, how = name[5:].split("_")
        return f"ls -l of {int(count):,} files, {how}"
    return name


def number(value):
    if value is None:
        return "–"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def names(runs):
    found = []
    for passes in runs.values():
        for one in passes:
            found += [n for n in one["results"] if n not in found]
    return found


def unit(runs, name):
    return next(p["results"][name]["unit"] for passes in runs.values() for p in passes
                if name in p["results"])


def speedup(runs, name, ours, other):
    """How many times faster `ours` is; None where one of them is missing."""
    a = median(runs.get(ours, []), name)
    b = median(runs.get(other, []), name)
    if not a or not b:
        return None
    return b / a if unit(runs, name) == "s" else a / b


def markdown(runs, ours):
    others = [label for label in runs if label != ours]
    lines = ["| workload | unit | " + " | ".join(runs) + " | "
             + " | ".join(f"{ours} / {o}" for o in others) + " | cost of one operation |",
             "|---|---|" + "---:|" * (len(runs) + len(others)) + "---|"]
    for name in names(runs):
        ratios = [speedup(runs, name, ours, o) for o in others]
        base = name.rpartition("_t")[0]
        lines.append(f"| {title(name)} | {unit(runs, name)} | "
                     + " | ".join(number(median(p, name)) for p in runs.values()) + " | "
                     + " | ".join(f"{r:.2f} ×" if r else "–" for r in ratios)
                     + f" | {COSTS.get(name, COSTS.get(base, ''))} |")
    for label, passes in runs.items():
        memory = passes[-1].get("rss_mib") if passes else None
        if memory:
            lines.append(f"\nMemory of {label} after the last pass, MiB: "
                         + ", ".join(f"{n} {v:.0f}" for n, v in memory.items()))
        for error in (e for p in passes for e in p["errors"]):
            lines.append(f"\n**{label} failed**: {error}")
    return "\n".join(lines) + "\n"


def svg(runs, ours, base):
    """Bars of speed relative to `base` on a logarithmic scale from 1/128 to 8."""
    import math
    shown = [n for n in names(runs) if median(runs.get(base, []), n)]
    labels = [label for label in runs if label != base]
    colours = ["#2563eb", "#d97706", "#059669", "#9333ea"]
    row, left, width = 14 * len(labels) + 10, 330, 520
    low, high = math.log2(1 / 128), math.log2(8)

    def x(ratio):
        place = (math.log2(min(max(ratio, 1 / 128), 8)) - low) / (high - low)
        return left + place * width

    height = row * len(shown) + 60
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 70}" height="{height}" '
           'font-family="sans-serif" font-size="12">',
           f'<rect width="100%" height="100%" fill="white"/>']
    for i, label in enumerate(labels):
        out.append(f'<rect x="{left + 130 * i}" y="10" width="12" height="12" '
                   f'fill="{colours[i % 4]}"/><text x="{left + 130 * i + 18}" y="20">{label}</text>')
    out.append(f'<text x="10" y="20">speed, {base} = 1 (logarithmic)</text>')
    for power in range(-7, 4):
        at = x(2.0 ** power)
        out.append(f'<line x1="{at}" x2="{at}" y1="32" y2="{height - 20}" '
                   f'stroke="{"#000" if power == 0 else "#ddd"}"/>'
                   f'<text x="{at}" y="{height - 6}" text-anchor="middle">'
                   f'{"1" if power == 0 else (f"1/{2 ** -power}" if power < 0 else 2 ** power)}</text>')
    for j, name in enumerate(shown):
        top = 38 + j * row
        out.append(f'<text x="{left - 8}" y="{top + row / 2}" text-anchor="end">{title(name)}</text>')
        for i, label in enumerate(labels):
            ratio = speedup(runs, name, label, base)
            if ratio:
                a, b = sorted((x(1), x(ratio)))
                out.append(f'<rect x="{a}" y="{top + 14 * i}" width="{max(b - a, 1)}" height="11" '
                           f'fill="{colours[i % 4]}"/>')
    return "\n".join(out + ["</svg>"]) + "\n"
