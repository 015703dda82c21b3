#!/bin/bash
# What an operator may get wrong with a master: each is refused at once, by name, with what to do, and nothing is harmed.
. "$(dirname "$0")/lib.sh"
build=${DFS_BUILD:-$root/build/release}
master=$build/master/dfs-master
data=$work/data
key=$work/key
new_key() { od -An -tx1 -N32 /dev/urandom | tr -d ' \n' >"$1" && echo >>"$1" && chmod 600 "$1"; }
new_key "$key"

refused() { # DESCRIPTION WORDS ARGUMENTS…: it must end by itself, with an error that holds the words
	local what=$1 words=$2 code=0
	shift 2
	timeout 10 "$master" "$@" >"$work/out" 2>&1 || code=$?
	[ $code -ne 0 ] && [ $code -ne 124 ] || fail "$what: exit status $code: $(cat "$work/out")"
	grep -q -- "$words" "$work/out" || fail "$what: no '$words' in: $(cat "$work/out")"
	echo "ok: $what"
}
serve() { # ARGUMENTS…: serve until `stop`
	: >"$work/log"
	"$master" "$@" 2>"$work/log" &
	pid=$!
	until_true 10 grep -q event=ready "$work/log" || fail "does not serve: $(cat "$work/log")"
}
stop() { kill "-${1:-TERM}" $pid && { wait $pid || true; }; }
after() { [ -z "${pid:-}" ] || kill -KILL "$pid" 2>/dev/null || true; }
flags=(--listen 127.0.0.1:0 --data "$data" --key "$key")

refused "an unknown option" "unknown option --lisen" --lisen 127.0.0.1:0
refused "a missing option" "--data is missing" --listen 127.0.0.1:0
refused "an option twice" "--data is given twice" --data a --data b
refused "an option without its value" "--data needs a value" --listen 127.0.0.1:0 --data
refused "a strange log level" "loud" "${flags[@]}" --log-level loud
refused "a strange cache" "--cache -3" "${flags[@]}" --cache -3
refused "an address that is none" "nowhere" --listen nowhere --data "$data" --key "$key"
refused "a key that is not there" "$work/absent" --listen 127.0.0.1:0 --data "$data" --key "$work/absent"
echo short >"$work/short"
chmod 600 "$work/short"
refused "a key of the wrong size" "$work/short" --listen 127.0.0.1:0 --data "$data" --key "$work/short"
check "nothing was made so far" [ ! -e "$data" ]
mkdir "$work/foreign"
echo mine >"$work/foreign/file"
refused "somebody else's directory" "holds .file" --listen 127.0.0.1:0 --data "$work/foreign" --key "$key"
check "it is as it was" [ "$(ls -A "$work/foreign")" = file ]
check "--help tells the options" sh -c "'$master' --help | grep -q -- --listen"

serve "${flags[@]}"
refused "a directory in use" "$data" "${flags[@]}"
port=$(sed -n 's/.*event=ready address=[^ ]*:\([0-9]*\) .*/\1/p' "$work/log")
refused "an address in use" "$port" --listen "127.0.0.1:$port" --data "$work/other" --key "$key"
head -c 4096 /dev/urandom | timeout 5 bash -c "cat >/dev/tcp/127.0.0.1/$port" || true
check "garbage on the port does no harm" kill -0 $pid
stop KILL
serve "${flags[@]}"
stop
check "an orderly stop is told" grep -q event=stopped "$work/log"

new_key "$work/key2"
refused "another cluster's key" "cluster" --listen 127.0.0.1:0 --data "$data" --key "$work/key2"
mv "$data/log" "$work/log.kept"
refused "a lost log" "no log/" "${flags[@]}"
mkdir "$data/log"
refused "an emptied log" "event=f\|log" "${flags[@]}"
rm -rf "$data/log"
mv "$work/log.kept" "$data/log"
mv "$data/state" "$work/state.kept"
refused "a lost state" "no state/" "${flags[@]}"
mv "$work/state.kept" "$data/state"
serve "${flags[@]}"
check "it serves again" kill -0 $pid
stop
pid=
