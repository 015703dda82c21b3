#!/bin/bash
# The master's disk fills up. It may refuse, or stop and say that its disk is full; what it answered before is there when there is
# room again, and nothing else is damaged.
. "$(dirname "$0")/lib.sh"
after() { ! mountpoint -q "$work/small" || umount "$work/small"; }
begin
"$cluster" stop "$c" master1
truncate -s 140M "$work/image"
mkfs.ext4 -q -F "$work/image"
mkdir "$work/small"
mount -o loop "$work/image" "$work/small"
cp -a "$c/master1" "$work/small/master1"
rm -rf "$c/master1"
ln -s "$work/small/master1" "$c/master1"
"$cluster" start "$c" master1
head -c 5M /dev/urandom >"$work/keep"
cp "$work/keep" "$mnt/keep"
sync "$mnt/keep"
# Attributes are what fills a master fastest. Writes down what was answered, ends at the first error or when told.
fill() {
	python3 - "$mnt" "$work/made" <<'PY'
import os, sys
where, made = sys.argv[1:]
value = os.urandom(60000)
with open(made, "w") as log:
    for i in range(4000):
        os.mkdir("%s/d%d" % (where, i))
        os.setxattr("%s/d%d" % (where, i), "user.x", value)
        print(i, file=log, flush=True)
PY
}
fill 2>"$work/said" &
filler=$!
stopped() { [[ $("$cluster" status "$c" || true) == *"master1 stopped"* ]]; }
over() { [ ! -d /proc/$filler ] || stopped; }
until_true 150 over || fail "240 MB fit on a disk of 140: $(df "$work/small" | tail -n 1)"
if [ -d /proc/$filler ]; then
	grep -q 'the disk is full; free some space' "$c/log/master1.log" || fail "it stopped and does not say that its disk is full"
	echo "ok: stopped after $(wc -l <"$work/made"): $(grep -m 1 'the disk is full' "$c/log/master1.log" | cut -c1-150)"
else
	echo "ok: refused after $(wc -l <"$work/made"): $(tail -n 1 "$work/said")"
fi
[ "$(wc -l <"$work/made")" -lt 4000 ] || fail "all of it fit"
! timeout -s KILL 10 "$cluster" start "$c" master1 2>"$work/said" || "$cluster" stop "$c" master1
stopped || "$cluster" stop "$c" master1

# More room, as when an operator enlarges the disk.
umount "$work/small"
truncate -s 1G "$work/image"
e2fsck -fp "$work/image" >/dev/null || true
resize2fs "$work/image" >/dev/null 2>&1
mount -o loop "$work/image" "$work/small"
"$cluster" start "$c" master1
kill $filler 2>/dev/null || true
wait $filler 2>/dev/null || true
answers() { timeout -s KILL 5 ls "$mnt" >/dev/null 2>&1; }
check "with more room it serves again" until_true 30 answers
all_there() {
	python3 -c 'import os, sys
for line in open(sys.argv[2]):
    assert len(os.getxattr(sys.argv[1] + "/d" + line.strip(), "user.x")) == 60000, line' "$mnt" "$work/made"
}
all_there || fail "some of what was answered is gone"
echo "ok: all $(wc -l <"$work/made") that were answered are there"
check "a file is whole" cmp "$work/keep" "$mnt/keep"
check "and it can be written" sh -c "echo new >$mnt/new && sync $mnt/new"
for name in mnt1 cs1 master1; do "$cluster" stop "$c" $name; done
