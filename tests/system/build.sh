#!/bin/bash
# A compiler, a linker and ninja work on the mount: configure this project there and build its library and programs.
. "$(dirname "$0")/lib.sh"
begin
mkdir "$mnt/source"
(cd "$root" && tar --exclude=./build --exclude=./.git -cf - .) | tar -C "$mnt/source" -xf -
check "configured" cmake -S "$mnt/source" -B "$mnt/build" -G Ninja -DBUILD_TESTING=OFF >"$work/configure.log" 2>&1
check "built" cmake --build "$mnt/build" >"$work/build.log" 2>&1
check "what was built runs" "$mnt/build/master/dfs-master" --help >/dev/null
