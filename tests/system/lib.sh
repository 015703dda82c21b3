# Sourced by the system tests. Gives each a fresh cluster under a scratch directory and removes both at the end, also
# after a failure, when it first shows the end of every log. Only what the test started is stopped, by pid.
#   begin [cluster options…]    cluster up; sets $work (scratch), $c (the cluster), $mnt (its first mount)
#   check DESCRIPTION COMMAND…  run it; the test fails, naming it, when the command does
#   says CODE TEXT COMMAND…     run it; the test fails when it ends with another code or does not say that
#   until_well                  wait until `dfs status` finds nothing wrong
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cluster=$root/tests/cluster
test_name=$(basename "$0" .sh)
[ "$(id -u)" = 0 ] || { echo "$test_name: needs root, for mounts" >&2; exit 1; }
[ -e /dev/fuse ] || { echo "$test_name: needs /dev/fuse" >&2; exit 1; }

# On the disk, not in memory: sizes and syncs must be real.
work=$(mktemp -d /var/tmp/dfs-test.XXXXXX)
c=$work/c
mnt=$c/mnt1

fail() {
	echo "$test_name: FAILED: $*" >&2
	exit 1
}

finish() {
	local code=$? file
	trap - EXIT
	if [ "$code" != 0 ] && [ -d "$c/log" ]; then
		for file in "$c"/log/*.log; do
			printf -- '--- %s\n' "$file" >&2
			tail -n 15 "$file" >&2
		done
	fi
	if [ -e "$c/names" ]; then
		timeout 60 "$cluster" down "$c" >&2 || code=1
	fi
	if declare -F after >/dev/null; then after || code=1; fi
	if grep -qs " $work/" /proc/self/mountinfo; then
		echo "$test_name: left a mount under $work" >&2
		exit 1
	fi
	rm -rf --one-file-system "$work"
	[ "$code" != 0 ] || echo "$test_name: passed"
	exit "$code"
}
trap finish EXIT
trap 'exit 1' INT TERM

begin() { "$cluster" up "$c" "$@"; }

check() {
	local what=$1
	shift
	"$@" || fail "$what: '$*' failed with $?"
	echo "ok: $what"
}

# until_true SECONDS COMMAND…: poll for a condition with a deadline.
until_true() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}

# says CODE TEXT COMMAND…: it ends with that code and says that text somewhere.
says() {
	local code=$1 text=$2 got=0 out
	shift 2
	out=$("$@" 2>&1) || got=$?
	[ "$got" = "$code" ] || fail "'$*' ended with $got instead of $code: $out"
	grep -qF -- "$text" <<<"$out" || fail "'$*' does not say \"$text\": $out"
	echo "ok: $text"
}

# After a restart all servers have to be back before what they hold is looked at, or used.
well() { (set -a && . "$c/dfs.env" && "$DFS_BUILD/admin/dfs" status >/dev/null); }
until_well() { until_true 30 well || fail "the cluster is not well"; }

same() { cmp -s "$1" "$2"; }
same_tree() { diff -r --no-dereference "$1" "$2" >&2; }
# Space of all chunk files of all chunkservers; not of their directories, which never shrink on ext4.
chunk_kib() { find "$c"/cs*/data -type f -printf '%k\n' 2>/dev/null | awk '{ sum += $1 } END { print sum + 0 }'; }
