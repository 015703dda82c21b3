#!/bin/bash
# PostgreSQL on the mount: pgbench while postgres, then the chunkserver, then the master are killed with -9. After each
# crash the database recovers, no balance is off, and every transaction that was acknowledged is in the history.
# DFS_PG_SECONDS (8) is how long pgbench runs each time, DFS_PG_SCALE (1) how large its tables are.
. "$(dirname "$0")/lib.sh"
seconds=${DFS_PG_SECONDS:-8}
scale=${DFS_PG_SCALE:-1}
programs=$(find /usr/lib/postgresql/*/bin -maxdepth 0 2>/dev/null | sort -V | tail -n 1)
[ -x "$programs/postgres" ] || fail "needs PostgreSQL's server; packaging/install-deps --test installs it"
after() { ! running || kill_postgres; }

data=$mnt/pg/data
postmaster() { cat "$work/socket/pid" 2>/dev/null; }
running() { [ "$(cat "/proc/$(postmaster)/comm" 2>/dev/null)" = postgres ]; }
kill_postgres() { # All of its processes at once.
	local pids
	mapfile -t pids < <(postmaster; pgrep -P "$(postmaster)")
	kill -9 "${pids[@]}"
}
# As its own user, found by a socket of its own: not the machine's PostgreSQL.
as_postgres() { setpriv --reuid postgres --regid postgres --clear-groups env HOME=/tmp "$@"; }
sql() { as_postgres "$programs/psql" -h "$work/socket" -d postgres -qAtX -v ON_ERROR_STOP=1 -c "$1"; }
start_postgres() {
	as_postgres "$programs/postgres" -D "$data" -k "$work/socket" -c listen_addresses= -c external_pid_file="$work/socket/pid" \
		-c shared_buffers=32MB -c max_wal_size=64MB -c checkpoint_timeout=30s >>"$work/postgres.log" 2>&1 </dev/null &
	disown
	until_true 60 sql 'select 1' >/dev/null 2>&1 || fail "postgres does not start: $(tail -n 5 "$work/postgres.log")"
}
gone() { ! running; }
# One transaction of pgbench adds one delta to an account, a teller and a branch, and a row to the history.
consistent() {
	[ "$(sql 'select count(distinct sum) from (select sum(abalance) from pgbench_accounts union all
		select sum(tbalance) from pgbench_tellers union all select sum(bbalance) from pgbench_branches union all
		select coalesce(sum(delta), 0) from pgbench_history) as sums')" = 1 ]
}
history_count() { sql 'select count(*) from pgbench_history'; }
bench() { # COMMAND…: the command comes in the middle; sets $done_count to what pgbench saw committed
	local pid
	as_postgres "$programs/pgbench" -h "$work/socket" -n -c 4 -T "$seconds" --log --log-prefix="$work/socket/log" postgres >"$work/said" 2>&1 &
	pid=$!
	sleep $((seconds / 2))
	"$@"
	wait $pid || [ "$1" = kill_postgres ] || fail "pgbench failed when '$*' came: $(tail -n 5 "$work/said")"
	done_count=$(cat "$work"/socket/log.* | wc -l)
	rm -f "$work"/socket/log.*
	[ "$done_count" -gt 0 ] || fail "no transaction was committed: $(tail -n 5 "$work/said")"
}
bounce() { # NAME
	"$cluster" kill "$c" "$1"
	sleep 0.5
	"$cluster" start "$c" "$1"
}

begin
chmod 755 "$work" "$c"
mkdir "$mnt/pg" "$work/socket"
chown postgres:postgres "$mnt/pg" "$work/socket"
check "initdb" as_postgres "$programs/initdb" -D "$data" -A trust --data-checksums --no-instructions
start_postgres
check "pgbench -i" as_postgres "$programs/pgbench" -h "$work/socket" -i -q -s "$scale" postgres
seen=0
for victim in cs1 master1; do
	bench bounce $victim
	[ "$(history_count)" = $((seen + done_count)) ] || fail "$victim: $(history_count) rows of history, not $seen + $done_count"
	seen=$(history_count)
	check "consistent after kill -9 of $victim" consistent
done
bench kill_postgres
until_true 20 gone || fail "postgres lives"
start_postgres
[ "$(history_count)" -ge $((seen + done_count)) ] || fail "$(history_count) rows of history, fewer than the $seen + $done_count acknowledged"
check "consistent after kill -9 of postgres" consistent
kill -INT "$(postmaster)"
until_true 60 gone || fail "postgres does not end"
check "every page by its checksum" as_postgres "$programs/pg_checksums" --check -D "$data"
"$cluster" stop "$c" mnt1
"$cluster" start "$c" mnt1
start_postgres
check "consistent after a remount" consistent
check "every index" as_postgres "$programs/pg_amcheck" -h "$work/socket" --install-missing --heapallindexed postgres
kill -INT "$(postmaster)"
until_true 60 gone || fail "postgres does not end"
