#!/bin/bash
# SQLite with synchronous=FULL: 10,000 rows in both journal modes, intact after the servers were killed.
. "$(dirname "$0")/lib.sh"
begin
for mode in delete wal; do
	db=$mnt/$mode.db
	{
		echo "PRAGMA journal_mode=$mode; PRAGMA synchronous=FULL; CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT);"
		for ((batch = 0; batch < 100; batch++)); do
			echo "BEGIN;"
			for ((i = 0; i < 100; i++)); do echo "INSERT INTO t(v) VALUES('row $batch.$i');"; done
			echo "COMMIT;"
		done
	} | sqlite3 "$db" >/dev/null || fail "$mode: inserts"
	[ "$(sqlite3 "$db" 'SELECT count(*) FROM t')" = 10000 ] || fail "$mode: count"
	echo "ok: $mode: 10,000 rows"
done
"$cluster" kill "$c" cs1
"$cluster" kill "$c" master1
"$cluster" start "$c" master1
"$cluster" start "$c" cs1
for mode in delete wal; do
	[ "$(sqlite3 "$mnt/$mode.db" 'PRAGMA integrity_check')" = ok ] || fail "$mode: integrity"
	[ "$(sqlite3 "$mnt/$mode.db" 'SELECT count(*) FROM t')" = 10000 ] || fail "$mode: count after the kill"
done
echo "ok: intact after kill -9 of master and chunkserver"
