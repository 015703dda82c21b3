#!/bin/bash
# One file of a master's log or state damaged at a time, at several places: the master either serves, and then everything is there,
# or stops with an error that names the store. It never serves a tree with something missing. Put back, all is well.
. "$(dirname "$0")/lib.sh"
begin
files=80
for turn in 1 2 3; do
	mkdir "$mnt/$turn"
	for i in $(seq $files); do
		echo "$turn $i" >"$mnt/$turn/$i"
		ln -s "$turn-$i" "$mnt/$turn/link$i"
	done
	"$cluster" stop "$c" mnt1
	# The last turn is left to the journal.
	if [ $turn = 3 ]; then "$cluster" kill "$c" master1; else "$cluster" stop "$c" master1; fi
	[ $turn = 3 ] || "$cluster" start "$c" master1
	[ $turn = 3 ] || "$cluster" start "$c" mnt1
done
cp -a "$c/master1" "$work/saved"
restore() { rm -rf "$c/master1" && cp -a "$work/saved" "$c/master1"; }
flip() { # FILE OFFSET
	local byte
	byte=$(dd if="$1" bs=1 skip="$2" count=1 status=none | od -An -tu1)
	printf '%b' "\\x$(printf %02x $((byte ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
whole() { # listing, targets and contents, through a mount that has nothing cached
	local turn i
	for turn in 1 2 3; do
		[ "$(find "$mnt/$turn" -type f | wc -l)" = $files ] || return 1
		for i in $(seq $files); do
			[ "$(<"$mnt/$turn/$i")" = "$turn $i" ] && [ "$(readlink "$mnt/$turn/link$i")" = "$turn-$i" ] || return 1
		done
	done
}
export -f whole
export mnt files
served=0 refused=0
stopped_by_itself() { # the log's last words name a store or the disk
	grep -Eq "event=(fatal|failed|store_failed) .*$1" "$c/log/master1.log" && [[ $("$cluster" status "$c" || true) == *"master1 stopped"* ]]
}
try() { # WHAT STORE
	if "$cluster" start "$c" master1 >"$work/said" 2>&1 && timeout -s KILL 20 "$cluster" start "$c" mnt1 >>"$work/said" 2>&1; then
		if timeout -s KILL 20 bash -c whole && timeout -s KILL 10 mkdir "$mnt/new"; then
			served=$((served + 1))
		else
			stopped_by_itself "$2" || fail "$1: it serves something else: $(find "$mnt" 2>&1 | wc -l) names"
			refused=$((refused + 1))
		fi
	else
		stopped_by_itself "$2" || fail "$1: $(cat "$work/said")"
		refused=$((refused + 1))
	fi
	"$cluster" stop "$c" mnt1 >/dev/null 2>&1 || true
	"$cluster" stop "$c" master1 >/dev/null 2>&1 || true
	restore
	echo "ok: $1"
}
for store in log state; do
	for file in "$work/saved/$store"/{*.sst,MANIFEST-*,CURRENT,journal-*}; do
		[ -e "$file" ] || continue
		at=$store/$(basename "$file")
		bytes=$(stat -c %s "$file")
		for place in 10 $((bytes / 2)) $((bytes - 5)); do
			flip "$c/master1/$at" $place
			try "a bit of $at flipped at $place" $store
		done
		truncate -s $((bytes / 2)) "$c/master1/$at"
		try "$at cut to half" $store
	done
	rm "$c/master1/$store/CURRENT"
	try "$store/CURRENT removed" $store
done
echo "served $served, refused $refused"
[ $served -gt 0 ] && [ $refused -gt 0 ] || fail "all ended in one way"
"$cluster" start "$c" master1
"$cluster" start "$c" mnt1
check "put back, it is whole" whole
