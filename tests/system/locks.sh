#!/bin/bash
# flock, record and OFD locks within one mount: exclusion, waiting, interruption, deadlock, and what frees them.
. "$(dirname "$0")/lib.sh"
begin
check "locks" timeout 60 python3 "$root/tests/system/locks.py" "$mnt"
