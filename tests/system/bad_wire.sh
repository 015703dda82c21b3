#!/bin/bash
# Strangers on every port, unix socket included: no protocol at all, frames that lie about their lengths or checksums, another
# version, another cluster. Who speaks the protocol is told what is wrong; nobody else is harmed.
. "$(dirname "$0")/lib.sh"
begin
echo precious >"$mnt/file"
sync "$mnt/file"
port_of() { sed -n "s/^$1=//p" "$c/ports"; }
strange() { python3 - "$1" <<'PY'
import os, socket, struct, sys

def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF

def frame(kind, body, length=None, payload=0, flags=0, damage=0):
    length = len(body) if length is None else length
    head = struct.pack("<IHHHhQII", 0x31736664, 1, kind, flags, 0, 0, length, payload)
    return head + struct.pack("<I", crc32c(head + body) ^ damage) + body

def hello(low, high, cluster):
    name = b"stranger"
    return (struct.pack("<HHHQQQ", low, high, 3, cluster, 77, 78) + struct.pack("<I", 32) + os.urandom(32)
            + struct.pack("<I", len(name)) + name)

def talk(data):
    if ":" in sys.argv[1]:
        host, port = sys.argv[1].split(":")
        peer = socket.create_connection((host, int(port)))
    else:
        peer = socket.socket(socket.AF_UNIX)
        peer.connect(sys.argv[1])
    peer.settimeout(10)
    answer = b""
    try:
        peer.sendall(data)
        while True:
            more = peer.recv(4096)
            if not more:
                break
            answer += more
    except (ConnectionResetError, BrokenPipeError):
        pass
    peer.close()
    return answer

def refused(what, data, error, word):
    answer = talk(data)
    while answer and struct.unpack_from("<H", answer, 6)[0] != 5:
        answer = answer[32 + struct.unpack_from("<I", answer, 20)[0]:]
    assert answer, what + ": no REFUSE came"
    got, length = struct.unpack_from("<II", answer, 32)
    text = answer[40:40 + length].decode()
    assert got == error and word in text, "%s: %d %s" % (what, got, text)
    print("ok: %s: %s" % (what, text))

for size in (1, 31, 32, 33, 5000, 1 << 20):
    talk(os.urandom(size) + b"\0" * 32)
talk(b"GET / HTTP/1.0\r\n\r\n" + b" " * 32)
talk(b"dfs1" + b"\xff" * 64)
good = hello(1, 1, 1)
for lie in (frame(1, good, damage=1), frame(1, good, length=1 << 31), frame(1, good, length=0), frame(1, good, payload=1 << 31),
            frame(1, good, payload=4096) + b"x" * 4096, frame(1, good[:20]), frame(1, good + b"x" * 3000),
            frame(35, b""), frame(80, good), frame(2, good, flags=1), frame(9999, good)):
    talk(lie)
refused("another version", frame(1, hello(90, 99, 1)), 68, "protocol 90 to 99")
refused("another cluster", frame(1, hello(1, 1, 1)), 66, "cluster")
PY
}
for place in "127.0.0.1:$(port_of master1)" "127.0.0.1:$(port_of cs1)" "$c/run/cs1.sock"; do
	check "strangers at ${place##*/}" strange "$place"
done
check "all daemons live" "$cluster" status "$c"
[ "$(cat "$mnt/file")" = precious ] || fail "the file afterwards"
check "and it can be written" sh -c "echo more >>$mnt/file && sync $mnt/file"
