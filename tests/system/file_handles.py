"""File handles of name_to_handle_at(2). Called by file_handles.sh:
   take MOUNT FILE PATH…: write the handles of MOUNT/PATH… to FILE
   open MOUNT FILE: for each handle print what open_by_handle_at(2) of MOUNT finds: a file's contents, a directory's path and names, or the error."""
import ctypes
import errno
import os
import stat
import sys

libc = ctypes.CDLL(None, use_errno=True)
AT_FDCWD = -100
MAX_HANDLE_SZ = 128


class Handle(ctypes.Structure):
    _fields_ = [("bytes", ctypes.c_uint), ("type", ctypes.c_int), ("data", ctypes.c_ubyte * MAX_HANDLE_SZ)]


def take(path):
    handle, mount_id = Handle(bytes=MAX_HANDLE_SZ), ctypes.c_int()
    if libc.name_to_handle_at(AT_FDCWD, os.fsencode(path), ctypes.byref(handle), ctypes.byref(mount_id), 0) != 0:
        sys.exit(f"name_to_handle_at {path}: {os.strerror(ctypes.get_errno())}")
    return handle


def find(mount_fd, handle):
    fd = libc.open_by_handle_at(mount_fd, ctypes.byref(handle), os.O_RDONLY)
    if fd < 0:
        return errno.errorcode[ctypes.get_errno()]
    if stat.S_ISDIR(os.fstat(fd).st_mode):
        found = os.readlink(f"/proc/self/fd/{fd}") + ": " + ",".join(sorted(os.listdir(fd)))
    else:
        found = os.read(fd, 1000).decode().strip()
    os.close(fd)
    return found


if sys.argv[1] == "take":
    with open(sys.argv[3], "wb") as file:
        for name in sys.argv[4:]:
            file.write(bytes(take(os.path.join(sys.argv[2], name))))
else:
    mount_fd = os.open(sys.argv[2], os.O_RDONLY)
    with open(sys.argv[3], "rb") as file:
        while piece := file.read(ctypes.sizeof(Handle)):
            print(find(mount_fd, Handle.from_buffer_copy(piece)))
