#!/bin/bash
# kill -9 of the master, a chunkserver or the mount at a random point of what people do with a file system: copy, large files, git,
# a compiler, a database, rename-over saves, rm -r. A job whose server dies ends well by itself and its result is whole; of a job
# whose mount dies, what had been acknowledged is there after the remount. Runs until DFS_KILL_SECONDS (50) are over, in an
# order that DFS_KILL_SEED decides; 900 seconds are some ten rounds of every job with every victim.
. "$(dirname "$0")/lib.sh"
seconds=${DFS_KILL_SECONDS:-50}
seed=${DFS_KILL_SEED:-$RANDOM}
RANDOM=$seed
echo "seed $seed: DFS_KILL_SEED=$seed $0 runs the same kills"
export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@localhost GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@localhost
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'

mkdir "$work/objects"
cp -a "$root/libdfsproto" "$work/tree"
head -c 96M /dev/urandom >"$work/large"
compile() { gcc -I"$root" -DDFS_VERSION='"0"' -D_GNU_SOURCE -c "$1" -o "$2"; }
sources=("$root"/libdfsproto/base/*.c)
for file in "${sources[@]}"; do compile "$file" "$work/objects/$(basename "$file" .c).o"; done

# job_X DIRECTORY LOG: do it, with a line in LOG, which is not on the mount, for each thing that was acknowledged.
# seen_X DIRECTORY LOG: all of that is there. whole_X DIRECTORY: and so is the rest, since the job ended well.
# lines_X: about how many lines there will be.
lines_copy=$(find "$work/tree" | wc -l)
job_copy() { stdbuf -oL cp -av "$work/tree" "$1/tree" >"$2.cp" && cat "$2.cp" >"$2"; }
seen_copy() { # cp names a file before it copies it: all but the last were closed
	local from to
	while read -r from to; do
		from=${from#\'} to=${to#-> \'}
		from=${from%\'} to=${to%\'}
		[ ! -f "$from" ] || cmp "$from" "$to" || return 1
	done < <(head -n -1 "$2.cp")
}
whole_copy() { diff -r --no-dereference "$work/tree" "$1/tree"; }

lines_large=24
job_large() {
	local i
	for ((i = 0; i < 24; i++)); do
		dd if="$work/large" of="$1/large" bs=4M count=1 skip=$i seek=$i conv=notrunc,fsync status=none || return 1
		echo $i >>"$2"
	done
}
seen_large() { [ ! -s "$2" ] || cmp -n $(($(wc -l <"$2") * 4 << 20)) "$work/large" "$1/large"; }
whole_large() { cmp "$work/large" "$1/large"; }

lines_git=14
job_git() {
	local i
	cp -r "$work/tree" "$1/git" && git -C "$1/git" init -q && git -C "$1/git" add . && git -C "$1/git" commit -qm start || return 1
	for ((i = 1; i <= 12; i++)); do
		echo $i >>"$1/git/notes"
		git -C "$1/git" add notes && git -C "$1/git" commit -qm "note $i" || return 1
		git -C "$1/git" rev-parse HEAD >>"$2"
	done
	git -C "$1/git" gc -q && echo gc >>"$2"
}
seen_git() {
	local commit
	[ -s "$2" ] || return 0
	while read -r commit; do
		[ "$commit" = gc ] || git -C "$1/git" cat-file -e "$commit:notes" || return 1
	done <"$2"
	rm -f "$1"/git/.git/*.lock
	git -C "$1/git" fsck --no-dangling
}
whole_git() { [ "$(git -C "$1/git" rev-list --count HEAD)" = 13 ] && [ -z "$(git -C "$1/git" status --porcelain)" ]; }

lines_build=${#sources[@]}
job_build() {
	local file
	for file in "${sources[@]}"; do
		cp "$file" "$1/" && compile "$file" "$1/$(basename "$file" .c).o" || return 1
		basename "$file" .c >>"$2"
	done
	ar rcs "$1/all.a" "$1"/*.o
}
seen_build() {
	local name
	while read -r name; do cmp "$work/objects/$name.o" "$1/$name.o" || return 1; done <"$2"
}
whole_build() { [ "$(ar t "$1/all.a" | wc -l)" = "${#sources[@]}" ]; }

lines_database=120
job_database() {
	python3 - "$1/db" "$2" <<-'PY'
		import sqlite3, sys
		db = sqlite3.connect(sys.argv[1])
		db.execute("create table t(i integer primary key, v text)")
		for i in range(120):
		    db.execute("insert into t values(?, ?)", (i, str(i) * 50))
		    db.commit()
		    print(i, file=open(sys.argv[2], "a"))
	PY
}
seen_database() {
	[ -s "$2" ] || return 0
	[ "$(sqlite3 "$1/db" 'pragma integrity_check')" = ok ] && [ "$(sqlite3 "$1/db" 'select count(*) from t')" -ge "$(wc -l <"$2")" ]
}
whole_database() { [ "$(sqlite3 "$1/db" 'select count(*), sum(length(v)) from t')" = "120|12500" ]; }

lines_saves=150
job_saves() {
	local i
	echo 0 >"$1/file"
	for ((i = 1; i <= 150; i++)); do
		sed -i "s/.*/$i/" "$1/file" && echo $i >>"$2" || return 1
	done
}
seen_saves() { [ ! -s "$2" ] || [ "$(cat "$1/file")" -ge "$(wc -l <"$2")" ]; }
whole_saves() { [ "$(cat "$1/file")" = 150 ]; }

lines_remove=$lines_copy
job_remove() { cp -a "$work/tree" "$1/tree" && stdbuf -oL rm -rfv "$1/tree" >"$2"; }
seen_remove() { # one line per name, after it is gone
	local name
	while read -r name; do
		name=${name#*\'}
		[ ! -e "${name%\'}" ] || return 1
	done < <(head -n -1 "$2")
}
whole_remove() { [ ! -e "$1/tree" ]; }

progress() { cat "$1" "$1.cp" 2>/dev/null | wc -l; }
reached() { [ "$(progress "$1")" -ge "$2" ] || [ ! -d "/proc/$3" ]; }
round() { # NUMBER JOB VICTIM
	local directory=$mnt/$1.$2 log=$work/$1.log pid code=0 at lines=lines_$2
	mkdir "$directory" || fail "round $1: mkdir"
	: >"$log"
	at=$((RANDOM * ${!lines} / 32768))
	"job_$2" "$directory" "$log" 2>"$work/said" &
	pid=$!
	until_true 120 reached "$log" $at $pid || fail "round $1, $2: only $(progress "$log") of $at steps"
	sleep "0.0$((RANDOM % 10))"
	"$cluster" kill "$c" "$3"
	sleep "0.$((RANDOM % 4))"
	"$cluster" start "$c" "$3"
	until_true 120 [ ! -d "/proc/$pid" ] || fail "round $1: $2 hangs after the return of $3"
	wait $pid || code=$?
	[ "$3" = mnt1 ] || [ $code = 0 ] || fail "round $1: $2 failed with $code when $3 died: $(cat "$work/said")"
	"seen_$2" "$directory" "$log" >"$work/said" 2>&1 || fail "round $1: $2, $3 killed at $at: what was acknowledged is not there: $(cat "$work/said")"
	if [ $code = 0 ]; then
		"whole_$2" "$directory" >"$work/said" 2>&1 || fail "round $1: $2, $3 killed at $at: not whole: $(cat "$work/said")"
	fi
	rm -rf "$directory" || fail "round $1: rm -rf"
	echo "ok: $2, $3 killed at step $at of ${!lines}"
}

begin
before=$(chunk_kib)
all=()
for job in copy large git build database saves remove; do
	for victim in master1 cs1 mnt1; do all+=("$job $victim"); done
done
number=0
end=$((SECONDS + seconds))
while [ $SECONDS -lt $end ]; do
	mapfile -t order < <(printf '%s\n' "${all[@]}" | awk -v seed=$RANDOM 'BEGIN { srand(seed) } { print rand(), $0 }' | sort | cut -d' ' -f2-)
	for pair in "${order[@]}"; do
		[ $SECONDS -lt $end ] || break
		number=$((number + 1))
		# shellcheck disable=SC2086 # Job and victim.
		round $number $pair
	done
done
# Chunks that a dead mount was granted go when its session has expired, after a minute.
back() { [ "$(chunk_kib)" -le $((before + 64)) ]; }
check "the space is given back" until_true 100 back
