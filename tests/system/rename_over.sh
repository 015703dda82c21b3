#!/bin/bash
# How editors save: a new file renamed over the old one. A reader sees the old or the new contents, never a mixture.
. "$(dirname "$0")/lib.sh"
begin --mounts 2
other=$c/mnt2
seq 1 5000 >"$mnt/text"
for i in $(seq 1 50); do
	sed -i "1s/.*/version $i/" "$mnt/text"
	[ "$(head -n 1 "$other/text")" = "version $i" ] || fail "the other mount does not see version $i"
	[ "$(wc -l <"$other/text")" = 5000 ] || fail "the other mount sees a part of version $i"
done
echo "ok: 50 saves, each seen at once on the other mount"

printf 'a%.0s' $(seq 100000) >"$mnt/a"
printf 'b%.0s' $(seq 50000) >"$mnt/b"
(for _ in $(seq 100); do cp "$mnt/a" "$mnt/new" && mv "$mnt/new" "$mnt/victim" && cp "$mnt/b" "$mnt/new" && mv "$mnt/new" "$mnt/victim"; done) &
writer=$!
reads=0
while kill -0 $writer 2>/dev/null; do
	got=$(head -c 200000 "$other/victim" 2>/dev/null | fold -w 1 | sort | uniq -c | tr -s ' ' | tr -d '\n') || true
	case $got in
	'' | ' 100000 a' | ' 50000 b') reads=$((reads + 1)) ;;
	*) fail "a reader saw a mixture: $got" ;;
	esac
done
wait $writer || fail "the writer"
echo "ok: $reads reads during 200 renames, no mixture"

exec 5<"$mnt/a"
rm "$mnt/a"
[ "$(wc -c <&5)" = 100000 ] || fail "an open file lost its bytes when its name went"
exec 5<&-
echo "ok: unlinked while open"
check "exclusive create refuses the second" bash -c 'set -o noclobber; : >"$1/lock" && ! : >"$2/lock"' - "$mnt" "$other" 2>/dev/null
mkdir "$mnt/d1" "$mnt/d1/sub"
! mv -T "$mnt/d1" "$mnt/d1/sub/loop" 2>/dev/null || fail "a directory moved into itself"
touch "$mnt/x" "$mnt/y"
check "no-clobber move keeps both" bash -c 'mv -n "$1/x" "$1/y"; [ -e "$1/x" ] && [ -e "$1/y" ]' - "$mnt"
