#!/bin/bash
# Everything stopped and started: the same tree. Then everything killed at once and started: still the same.
. "$(dirname "$0")/lib.sh"
begin --chunkservers 3
mkdir "$mnt/d"
for i in $(seq 1 60); do head -c $((i * 3333)) /dev/urandom >"$mnt/d/f$i"; done
ln -s f1 "$mnt/d/link"
cp -a "$mnt/d" "$work/copy"
for name in mnt1 cs1 cs2 cs3 master1; do "$cluster" stop "$c" $name; done
for name in master1 cs1 cs2 cs3 mnt1; do "$cluster" start "$c" $name; done
check "the same after a stop of everything" same_tree "$work/copy" "$mnt/d"
for name in mnt1 cs1 cs2 cs3 master1; do "$cluster" kill "$c" $name; done
for name in master1 cs1 cs2 cs3 mnt1; do "$cluster" start "$c" $name; done
check "the same after kill -9 of everything" same_tree "$work/copy" "$mnt/d"
check "and it can be changed" sh -c "echo more >>$mnt/d/f1 && rm $mnt/d/f2 && sync $mnt/d/f1"
