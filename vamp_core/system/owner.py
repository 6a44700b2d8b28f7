"""One owner at a time: a lock that a process holds on a path."""

import contextlib
import os
import socket

from vamp_core.errors import InputError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None


@contextlib.contextmanager
def owner_of(path):
    """Inside the block this process alone owns `path`; the file `.<name>.lock` beside it says who does.

    The system lets go of the lock when its process ends, however it ends: a lock whose process is gone is none.

    Raises:
        InputError: another process owns it, which is named.
    """
    lock = path.with_name(f".{path.name}.lock")
    file = _taken(path, lock)
    try:
        os.ftruncate(file, 0)
        os.pwrite(file, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
        yield
    finally:
        with contextlib.suppress(OSError):
            lock.unlink()  # before it is let go of: nobody else can have taken it
        os.close(file)


def _taken(path, lock):
    """The locked file's descriptor."""
    while True:
        try:
            file = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise InputError(f"{lock} cannot be written ({error.strerror}): choose another folder.") from error
        try:
            _lock(file)
            if os.path.exists(lock) and os.path.samestat(os.fstat(file), os.stat(lock)):
                return file
        except BlockingIOError as error:
            owner = os.read(file, 200).decode(errors="replace").strip() or "another process"
            os.close(file)
            raise InputError(
                f"{path} is in use by {owner}: wait for it to end, or put this run beside it with --gs_key NAME."
            ) from error
        except OSError:  # a file system without locks
            return file
        os.close(file)  # its last owner has just taken it away with the lock


def _lock(file):
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return
    import msvcrt

    try:  # a byte beyond the text, which others may read then
        os.lseek(file, 1000, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        os.lseek(file, 0, os.SEEK_SET)
    except OSError as error:
        os.lseek(file, 0, os.SEEK_SET)
        raise BlockingIOError from error
