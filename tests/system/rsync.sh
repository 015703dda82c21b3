#!/bin/bash
# rsync -aHAX to the mount and back: hard links, access control lists, extended attributes, devices, odd names, sparse files and times come
# through, so that a second run finds nothing to do; and so do changes and deletions.
. "$(dirname "$0")/lib.sh"
begin
tree=$work/tree
copy() { rsync -aHAXS --numeric-ids --delete "$1/" "$2/"; }
same_by_rsync() { # FROM TO [OPTIONS]
	local from=$1 to=$2
	shift 2
	rsync -aHAXn --numeric-ids --itemize-changes --delete "$@" "$from/" "$to/" >"$work/said" && [ ! -s "$work/said" ] ||
		{ head -n 5 "$work/said" >&2; return 1; }
}

mkdir -p "$tree/links/a/b" "$tree/kinds" "$tree/names" "$tree/rights/handed down" "$tree/sparse"
cp -a "$root/libdfsproto" "$tree/source"
for i in 1 2 3 4 5; do ln "$tree/source/base/list.h" "$tree/links/a/b/same $i"; done
ln -s ../source "$tree/links/to directory"
ln -s "$(printf 'x%.0s' {1..1000})" "$tree/links/to nothing"
mkfifo "$tree/kinds/fifo"
mknod "$tree/kinds/null" c 1 3
mknod "$tree/kinds/large" b 4000 1000000
ln "$tree/kinds/fifo" "$tree/kinds/fifo again"
python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$tree/kinds/socket"
touch "$tree/names/"$'new\nline' "$tree/names/"$'\xff\xfe not UTF-8' "$tree/names/-n" "$tree/names/*" "$tree/names/ " "$tree/names/\\" \
	"$tree/names/"$'\e[31m' "$tree/names/$(printf 'n%.0s' {1..255})"
echo secret >"$tree/rights/file"
setfacl -m u:1234:rw,g:99:r,m::rw "$tree/rights/file"
setfacl -m d:u:1234:rwx,d:g::r-x,d:o::- "$tree/rights/handed down"
setfattr -n user.text -v value "$tree/rights/file"
setfattr -n user.zeros -v 0x000000 "$tree/rights/handed down"
setfattr -n user.long -v "0s$(head -c 3000 /dev/urandom | base64 -w0)" "$tree/rights/file"
setfattr -n trusted.note -v mine "$tree/rights/file"
cp /bin/true "$tree/rights/capable"
setcap cap_net_raw+ep "$tree/rights/capable"
install -m 4755 /bin/true "$tree/rights/set id"
install -m 1777 -d "$tree/rights/sticky"
install -m 0000 -o 1000 -g 1001 /dev/null "$tree/rights/nobody's"
truncate -s 3G "$tree/sparse/empty"
printf 'data' | dd of="$tree/sparse/islands" bs=1 seek=100000000 conv=notrunc status=none
printf 'more' | dd of="$tree/sparse/islands" bs=1 seek=300000000 conv=notrunc status=none
touch -h -d '1901-12-14 12:34:56.789' "$tree/links/to nothing"
touch -d '2222-06-07 08:09:10.123456789' "$tree/rights/file"
touch -d '1969-12-31 23:59:59.999999999' "$tree/kinds"

check "to the mount" copy "$tree" "$mnt/copy"
check "nothing is left to do" same_by_rsync "$tree" "$mnt/copy"
check "by checksum neither" same_by_rsync "$tree" "$mnt/copy" --checksum --exclude=/sparse/empty
"$cluster" stop "$c" mnt1
"$cluster" start "$c" mnt1
check "nor after a remount" same_by_rsync "$tree" "$mnt/copy"
check "back from it" copy "$mnt/copy" "$work/back"
check "nothing is left to do" same_by_rsync "$tree" "$work/back"
check "the contents are the same" diff -r --no-dereference --exclude=empty --exclude=kinds "$tree" "$work/back"
[ "$(stat -c %h "$mnt/copy/links/a/b/same 1")" = 6 ] || fail "hard links: $(stat -c %h "$mnt/copy/links/a/b/same 1") of 6"
[ "$(getcap "$mnt/copy/rights/capable")" = "$mnt/copy/rights/capable cap_net_raw=ep" ] || fail "capabilities: $(getcap "$mnt/copy/rights/capable")"
[ "$(du -k "$mnt/copy/sparse/empty" | cut -f1)" = 0 ] || fail "a file of holes takes $(du -k "$mnt/copy/sparse/empty") KiB"

rm -r "$tree/source/wire" "$tree/links/a/b/same 3"
mv "$tree/names" "$tree/renamed"
echo more >>"$tree/source/base/list.h"
setfacl -b "$tree/rights/file"
setfattr -x user.zeros "$tree/rights/handed down"
rm "$tree/kinds/null" && mkdir "$tree/kinds/null"
check "changes to the mount" copy "$tree" "$mnt/copy"
check "nothing is left to do" same_by_rsync "$tree" "$mnt/copy"
check "in place, through the delta algorithm" rsync -a --inplace --no-whole-file --checksum "$work/back/source/" "$mnt/copy/source/"
check "which is right" diff -r "$work/back/source" "$mnt/copy/source"
