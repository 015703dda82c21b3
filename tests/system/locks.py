"""Locks within one mount, as fcntl(2) and flock(2) promise them. Called by locks.sh with a directory of the mount."""
import errno
import fcntl
import os
import signal
import struct
import sys
import time

F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW = 36, 37, 38
PATH = os.path.join(sys.argv[1], "locked")


def flock_struct(kind, start=0, length=0):
    return struct.pack("hhqqi4x", kind, os.SEEK_SET, start, length, 0)


def lock(fd, command, kind, start=0, length=0):
    """0, or the errno."""
    try:
        fcntl.fcntl(fd, command, flock_struct(kind, start, length))
        return 0
    except OSError as error:
        return error.errno


def get(fd, command, kind, start, length):
    """(type, start, length, pid) of what is in the way."""
    answer = fcntl.fcntl(fd, command, flock_struct(kind, start, length))
    kind, _, start, length, pid = struct.unpack("hhqqi4x", answer)
    return kind, start, length, pid


def expect(what, got, wanted):
    if got != wanted:
        sys.exit(f"{what}: {got}, not {wanted}")
    print(f"ok: {what}")


class Child:
    """Runs `work(tell)` in a process of its own; tell(byte) is heard by wait()."""

    def __init__(self, work):
        self.hear, say = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.hear)
            try:
                work(lambda byte: os.write(say, byte))
                os._exit(0)
            except BaseException as error:  # The parent must not go on as two processes.
                os.write(2, f"child: {error!r}\n".encode())
                os._exit(1)
        os.close(say)

    def wait(self):
        return os.read(self.hear, 1)

    def end(self, number=None):
        if number is not None:
            os.kill(self.pid, number)
        return os.waitpid(self.pid, 0)[1]


def open_file():
    return os.open(PATH, os.O_RDWR | os.O_CREAT, 0o644)


def holder(command, kind, start=0, length=0):
    def work(tell):
        fd = open_file()
        tell(b"h" if lock(fd, command, kind, start, length) == 0 else b"n")
        time.sleep(60)
    return Child(work)


def records():
    fd = open_file()
    child = holder(fcntl.F_SETLK, fcntl.F_WRLCK, 100, 50)
    child.wait()
    expect("a record lock keeps others out", lock(fd, fcntl.F_SETLK, fcntl.F_WRLCK, 149, 1) in
           (errno.EAGAIN, errno.EACCES), True)
    expect("but not beside it", lock(fd, fcntl.F_SETLK, fcntl.F_WRLCK, 150, 10), 0)
    expect("F_GETLK names it", get(fd, fcntl.F_GETLK, fcntl.F_RDLCK, 0, 0),
           (fcntl.F_WRLCK, 100, 50, child.pid))
    child.end(signal.SIGKILL)
    expect("the death of its holder frees it", lock(fd, fcntl.F_SETLKW, fcntl.F_WRLCK, 100, 50), 0)
    second = open_file()
    os.close(second)
    other = holder(fcntl.F_SETLK, fcntl.F_WRLCK, 0, 0)
    expect("closing any descriptor of the file frees the process's record locks", other.wait(), b"h")
    other.end(signal.SIGKILL)
    os.close(fd)


def blocking(command, what):
    fd = open_file()
    expect(f"{what}: taken", lock(fd, command, fcntl.F_WRLCK), 0)

    def work(tell):
        mine = open_file()
        tell(b"w")
        tell(b"h" if lock(mine, command, fcntl.F_WRLCK) == 0 else b"n")

    child = Child(work)
    child.wait()
    time.sleep(0.2)
    start = time.monotonic()
    lock(fd, command, fcntl.F_UNLCK)
    expect(f"{what}: who waits gets it", child.wait(), b"h")
    expect(f"{what}: at once", time.monotonic() - start < 2, True)
    child.end()
    os.close(fd)


def interrupted():
    fd = open_file()
    lock(fd, fcntl.F_SETLK, fcntl.F_WRLCK)

    def work(tell):
        def on_alarm(number, frame):
            raise InterruptedError()
        signal.signal(signal.SIGALRM, on_alarm)
        mine = open_file()
        tell(b"w")
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        try:
            fcntl.fcntl(mine, fcntl.F_SETLKW, flock_struct(fcntl.F_WRLCK))
            tell(b"h")
        except InterruptedError:
            tell(b"i")

    child = Child(work)
    child.wait()
    expect("a signal ends the wait", child.wait(), b"i")
    child.end()
    os.close(fd)


def deadlock():
    fd = open_file()
    lock(fd, fcntl.F_SETLK, fcntl.F_WRLCK, 0, 1)

    def work(tell):
        mine = open_file()
        lock(mine, fcntl.F_SETLK, fcntl.F_WRLCK, 1, 1)
        tell(b"1")
        lock(mine, fcntl.F_SETLKW, fcntl.F_WRLCK, 0, 1)
        tell(b"2")

    child = Child(work)
    child.wait()
    time.sleep(0.3)
    expect("a circle of waits is refused", lock(fd, fcntl.F_SETLKW, fcntl.F_WRLCK, 1, 1),
           errno.EDEADLK)
    os.close(fd)
    expect("and the other one goes on", child.wait(), b"2")
    child.end()


def of_descriptions():
    one, two = open_file(), open_file()
    expect("an OFD lock is the descriptor's", lock(one, F_OFD_SETLK, fcntl.F_WRLCK), 0)
    expect("and keeps out the same process's other one",
           lock(two, F_OFD_SETLK, fcntl.F_RDLCK) in (errno.EAGAIN, errno.EACCES), True)
    expect("F_OFD_GETLK shows it without a pid", get(two, F_OFD_GETLK, fcntl.F_RDLCK, 0, 0)[3], -1)
    os.close(os.open(PATH, os.O_RDONLY))
    expect("closing another descriptor does not free it",
           lock(two, F_OFD_SETLK, fcntl.F_RDLCK) in (errno.EAGAIN, errno.EACCES), True)
    os.close(one)
    expect("closing its own does", lock(two, F_OFD_SETLK, fcntl.F_WRLCK), 0)
    os.close(two)


def whole_files():
    one, two = open_file(), open_file()
    fcntl.flock(one, fcntl.LOCK_SH)
    fcntl.flock(two, fcntl.LOCK_SH)
    print("ok: flock is shared by readers")
    try:
        fcntl.flock(one, fcntl.LOCK_EX | fcntl.LOCK_NB)
        sys.exit("flock: exclusive beside a reader")
    except BlockingIOError:
        print("ok: but not with a writer")
    fcntl.flock(two, fcntl.LOCK_UN)
    fcntl.flock(one, fcntl.LOCK_EX)
    os.close(one)
    fcntl.flock(two, fcntl.LOCK_EX | fcntl.LOCK_NB)
    print("ok: closing frees it")
    os.close(two)


whole_files()
records()
blocking(fcntl.F_SETLKW, "record locks")
blocking(F_OFD_SETLKW, "OFD locks")
interrupted()
deadlock()
of_descriptions()
