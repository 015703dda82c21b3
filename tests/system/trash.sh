#!/bin/bash
# The trash: rm -rf and back, with everything; short retention gives the space back; versions that were replaced; files
# that are open; two mounts; an ordinary user; the master killed in between. dfs fsck finds nothing wrong throughout.
. "$(dirname "$0")/lib.sh"
begin --mounts 2
chmod 711 "$work" # An ordinary user comes by.
set -a
. "$c/dfs.env"
set +a
dfs=$DFS_BUILD/admin/dfs
mnt2=$c/mnt2
trash() { "$dfs" trash "$@"; }
clean() {
	until_well
	check "fsck finds nothing" "$dfs" fsck >/dev/null
}
in_trash() { trash list --json "$@" | python3 -c 'import json, sys; print(len(json.load(sys.stdin)["files"]))'; }
has() { [ "$(in_trash "${@:2}")" = "$1" ] || fail "$1 expected in the trash of ${*:2}: $(trash list)"; }
# Owner, mode, times, target, lists and attributes of all but directories, whose times rm -rf itself moves.
facts() {
	(cd "$1" && find . ! -type d -printf '%p %m %u %g %s %T@ %l\n' | sort &&
		find . -type d -printf '%p %m %u %g\n' | sort &&
		find . ! -type l -print0 | sort -z | xargs -0 getfacl -p 2>/dev/null &&
		find . ! -type l -print0 | sort -z | xargs -0 getfattr -d -m 'user|trusted' 2>/dev/null)
}
# refused TEXT COMMAND…: it fails and says that.
refused() {
	local text=$1 out
	shift
	if out=$("$@" 2>&1); then fail "'$*' succeeded"; fi
	grep -qE -- "$text" <<<"$out" || fail "'$*' does not say \"$text\": $out"
	echo "ok: refused: $text"
}

# Off by default.
mkdir "$mnt/plain" && echo 1 >"$mnt/plain/f" && rm -rf "$mnt/plain"
has 0
refused 'is not there' trash on "$mnt/nothing"
refused 'does not lie on a mount' trash list /etc

mkdir -p "$mnt/t/tree/below"
check "on for a tree" trash on "$mnt/t" --keep 1h
trash show "$mnt/t/tree/below" | grep -q '1 h' || fail "directories that were there already were left out"
mkdir "$mnt/t/tree/later"
trash show "$mnt/t/tree/later" | grep -q '1 h' || fail "a new directory does not inherit"
trash show "$mnt" | grep -q 'is gone' || fail "the root has it too"

cp -r "$root/libdfsproto" "$root/master" "$mnt/t/tree/"
head -c 3000000 /dev/urandom >"$mnt/t/tree/big"
: >"$mnt/t/tree/empty"
mkdir "$mnt/t/tree/empty.d"
ln -s nowhere "$mnt/t/tree/link"
ln "$mnt/t/tree/big" "$mnt/t/tree/big.2"
mkfifo "$mnt/t/tree/fifo"
setfattr -n user.colour -v blue "$mnt/t/tree/big" && setfattr -n user.d -v dir "$mnt/t/tree/below"
setfacl -m u:1234:rw "$mnt/t/tree/empty" && setfacl -d -m g:77:rx "$mnt/t/tree/below"
chown 1234:77 "$mnt/t/tree/below" "$mnt/t/tree/empty" && chmod 0751 "$mnt/t/tree/below"
touch -d '2001-02-03 04:05:06.789' "$mnt/t/tree/empty"
touch -h -d '2002-02-03 04:05:06.789' "$mnt/t/tree/link"
cp -a "$mnt/t/tree" "$work/copy"
rm "$work/copy/fifo" "$work/copy/big.2" && facts "$work/copy" >"$work/before"
rm "$mnt/t/tree/big.2"
has 0
rm -rf "$mnt/t/tree"
check "it is gone" [ ! -e "$mnt/t/tree" ]
until_true 10 eval '"$dfs" status --json | grep -q "\"trash.files\""' || fail "status does not tell of the trash"
clean
check "restored from the other mount" trash restore -r "$mnt2/t/tree"
for m in "$mnt" "$mnt2"; do
	check "the same on $(basename "$m")" same_tree "$m/t/tree" "$work/copy"
	facts "$m/t/tree" >"$work/after"
	diff "$work/before" "$work/after" >&2 || fail "attributes differ on $m"
done
has 0
clean

# A file again and again under one name: the newest comes back, an older one by its inode.
for i in 1 2 3; do
	echo "$i" >"$mnt/t/note" && [ "$i" != 2 ] || second=$(stat -c %i "$mnt/t/note")
	rm "$mnt/t/note"
done
has 3 "$mnt/t/note"
check "the newest" trash restore "$mnt/t/note"
[ "$(cat "$mnt2/t/note")" = 3 ] || fail "another version than the newest came back"
refused 'name is taken' trash restore "$mnt/t/note"
check "an older one beside it" trash restore "$second" --to "$mnt/t/note.2"
[ "$(cat "$mnt2/t/note.2")" = 2 ] || fail "not the version asked for"
echo new >"$mnt/t/note.tmp" && mv "$mnt/t/note.tmp" "$mnt/t/note"
check "what rename replaced" trash restore "$mnt/t/note" --to "$mnt/t/tree"
[ "$(cat "$mnt2/t/tree/note")" = 3 ] || fail "what was replaced did not come back"
refused 'nothing called' trash restore "$mnt/t/never"

# Open while deleted: it goes on, and what was written then is there afterwards.
exec 5<>"$mnt/t/open"
echo before >&5
rm "$mnt2/t/open"
echo after >&5
[ "$(stat -L -c %h /proc/self/fd/5)" = 0 ] || fail "the open file has a link left"
check "restored while open" trash restore "$mnt/t/open"
[ "$(stat -L -c %h /proc/self/fd/5)" = 1 ] || fail "the open file does not know its name"
echo more >&5
exec 5>&-
[ "$(cat "$mnt2/t/open")" = $'before\nafter\nmore' ] || fail "what was written is not there: $(cat "$mnt2/t/open")"

# An ordinary user deletes; who it was is told.
mkdir -m 1777 "$mnt/t/home"
setpriv --reuid 1234 --regid 1234 --clear-groups sh -c "echo mine >'$mnt/t/home/f'; rm '$mnt/t/home/f'"
trash list "$mnt/t/home" | grep -q ' 1234 .*/t/home/f$' || fail "not said who deleted it: $(trash list)"
check "for the user" trash restore "$mnt/t/home/f"
[ "$(setpriv --reuid 1234 --regid 1234 --clear-groups cat "$mnt2/t/home/f")" = mine ] || fail "the user cannot read it"

# Removed directories come back in front of one file; a directory that was moved gets its file where it is.
mkdir -p "$mnt/t/x/y" && echo deep >"$mnt/t/x/y/f" && chmod 0710 "$mnt/t/x" && rm -rf "$mnt/t/x"
check "with its directories" trash restore "$mnt/t/x/y/f"
[ "$(cat "$mnt2/t/x/y/f")" = deep ] && [ "$(stat -c %a "$mnt2/t/x")" = 710 ] || fail "not as it was"
rm "$mnt/t/x/y/f" && mv "$mnt/t/x" "$mnt/moved"
check "to where its directory is" trash restore "$mnt/t/x/y/f"
[ "$(cat "$mnt2/moved/y/f")" = deep ] || fail "not in the moved directory"
clean

# The master dies between, and a moment after, what it answered.
cp -r "$root/fuse" "$mnt/t/fuse"
rm -rf "$mnt/t/fuse"
"$cluster" kill "$c" master1
"$cluster" start "$c" master1
trash restore -r "$mnt/t/fuse" >/dev/null &
restoring=$!
sleep 0.2
"$cluster" kill "$c" master1
"$cluster" start "$c" master1
wait $restoring || fail "a restore did not survive the master's death"
check "whole after the master's death" same_tree "$mnt2/t/fuse" "$root/fuse"
clean

# Time is up: the space comes back. Turned off, what is in there stays until then.
mkdir "$mnt/short"
check "short retention" trash on "$mnt/short" --keep 5s
kib=$(chunk_kib)
head -c 20000000 /dev/urandom >"$mnt/short/f" && sync -f "$mnt/short/f"
exec 6<"$mnt/short/f"
rm "$mnt/short/f"
check "off" trash off "$mnt/short"
[ "$(in_trash "$mnt/short")" = 1 ] || fail "it did not wait"
until_true 20 eval '[ "$(in_trash "$mnt/short")" = 0 ]' || fail "its time was up: $(trash list)"
[ "$(head -c 20000000 <&6 | wc -c)" = 20000000 ] || fail "what is open went with it"
exec 6<&-
until_true 20 eval '[ "$(chunk_kib)" -le $((kib + 100)) ]' || fail "the space is not free: $kib, now $(chunk_kib)"

# At once, for some and for all.
echo a >"$mnt/t/a" && echo b >"$mnt/t/home/b" && rm "$mnt/t/a" "$mnt/t/home/b"
check "nothing is that old" trash empty --older 1h
check "one directory" trash empty "$mnt/t/home"
has 0 "$mnt/t/home"
has 1 "$mnt/t/a"
check "all" trash empty
has 0
rm -rf "$mnt/t" "$mnt/moved" "$mnt/short"
check "all again" trash empty
until_true 20 eval '[ "$(chunk_kib)" = 0 ]' || fail "data is left: $(chunk_kib) KiB"
clean
