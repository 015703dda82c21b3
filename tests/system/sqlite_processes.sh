#!/bin/bash
# Four processes on one SQLite database at once, in both journal modes: counters that all of them raise in transactions end exact,
# readers see only whole transactions, the database is intact. WAL shares memory among them through a mapped file.
# DFS_SQLITE_ROUNDS (100) transactions are made by each process.
. "$(dirname "$0")/lib.sh"
begin
cat >"$work/worker.py" <<'PY'
import sqlite3, sys

path, worker, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
db = sqlite3.connect(path, timeout=120, isolation_level=None)
db.execute("pragma synchronous=full")
for i in range(rounds):
    db.execute("begin immediate")
    seen = db.execute("select sum(n) from counter").fetchone()[0]
    db.execute("update counter set n = n + 1 where id = ?", (i % 4,))
    db.execute("insert into log values(?, ?, ?)", (worker, i, seen))
    db.execute("commit" if i % 10 != 9 else "rollback")
    # A snapshot: as many rows of the log as the counters say.
    counters, rows = db.execute("select (select sum(n) from counter), (select count(*) from log)").fetchone()
    if counters != rows:
        sys.exit(f"worker {worker}, round {i}: counters say {counters}, the log has {rows} rows")
PY
rounds=${DFS_SQLITE_ROUNDS:-100}
for mode in delete wal; do
	db=$mnt/$mode.db
	sqlite3 "$db" "pragma journal_mode=$mode; create table counter(id integer primary key, n integer);
		insert into counter values(0, 0), (1, 0), (2, 0), (3, 0); create table log(worker, i, seen unique);" >"$work/said"
	pids=()
	for worker in 1 2 3 4; do
		timeout 250 python3 "$work/worker.py" "$db" $worker "$rounds" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid" || fail "$mode: a process failed"; done
	wanted=$((4 * (rounds - rounds / 10)))
	got=$(sqlite3 "$db" 'select sum(n) from counter; select count(*) from log; select max(seen) + 1 from log' | paste -sd' ')
	[ "$got" = "$wanted $wanted $wanted" ] || fail "$mode: counters, rows and the last count are $got, not $wanted"
	check "$mode: $wanted transactions of four processes, one after the other" [ "$(sqlite3 "$db" 'pragma integrity_check')" = ok ]
done
"$cluster" stop "$c" mnt1
"$cluster" start "$c" mnt1
for mode in delete wal; do
	check "$mode: intact after a remount" [ "$(sqlite3 "$mnt/$mode.db" 'pragma integrity_check; select count(*) from log' | paste -sd' ')" = "ok $wanted" ]
done
