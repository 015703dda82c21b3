#!/bin/bash
# kill -9 of each daemon in the middle of a copy. A writer logs, off the mount, each file whose fsync or close came back; every file
# in that log must be there afterwards, byte for byte. Of the mount, only what was acknowledged counts; its writer may fail.
. "$(dirname "$0")/lib.sh"
begin --chunkservers 2

# Files have contents that follow from their number, so that the checker needs no copy.
contents() { { yes "file $1" || true; } 2>/dev/null | head -c $((($1 * 7919) % 90000 + 1)); }
writer() { # DIRECTORY LOG: write, rename, log what was acknowledged, until told to stop
	local i=0
	while [ ! -e "$work/stop" ]; do
		i=$((i + 1))
		contents $i >"$1/f$i.new" || return 0
		[ $((i % 3)) != 0 ] || sync "$1/f$i.new" || return 0
		mv "$1/f$i.new" "$1/f$i" || return 0
		echo $i >>"$2"
	done
}
verify() { # DIRECTORY LOG
	local i
	while read -r i; do
		contents "$i" | cmp -s - "$1/f$i" || fail "acknowledged file $1/f$i is missing or altered"
	done <"$2"
	echo "ok: $(wc -l <"$2") acknowledged files are all there"
}
round=0
for victim in master1 cs1 cs2 mnt1 master1 cs1 mnt1; do
	round=$((round + 1))
	mkdir "$mnt/r$round"
	: >"$work/log$round"
	rm -f "$work/stop"
	writer "$mnt/r$round" "$work/log$round" 2>/dev/null &
	pid=$!
	enough() { [ "$(wc -l <"$work/log$round")" -ge $((15 + RANDOM % 20)) ]; }
	until_true 60 enough || fail "round $round: the writer does not get on"
	"$cluster" kill "$c" $victim
	"$cluster" start "$c" $victim
	if [ $victim != mnt1 ]; then
		at=$(wc -l <"$work/log$round")
		more() { [ "$(wc -l <"$work/log$round")" -gt $((at + 5)) ]; }
		until_true 30 more || fail "round $round: no progress after the return of $victim"
	fi
	touch "$work/stop"
	wait $pid || true
	echo "round $round: killed $victim"
	verify "$mnt/r$round" "$work/log$round"
done
"$cluster" stop "$c" mnt1
"$cluster" start "$c" mnt1
for ((i = 1; i <= round; i++)); do verify "$mnt/r$i" "$work/log$i"; done
