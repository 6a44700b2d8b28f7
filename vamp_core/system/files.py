"""Files that are written whole or not at all."""

import contextlib
import json
import os
import uuid
from pathlib import Path

from vamp_core.errors import InputError

PARTIAL = ".partial-"  # what the names of unfinished files begin with


@contextlib.contextmanager
def whole(path):
    """Yields a temporary path beside `path` that takes its place if, and only if, the block succeeds.

    The temporary name is nobody else's, and keeps the ending of `path`, since savers choose the format by it. The
    file is on the disk before it takes its place, so that not even a power cut leaves half a file under the name.

    Raises:
        InputError: the disk is full, or refuses for another reason; what `path` held before is unchanged.
    """
    path = Path(path)
    partial = path.with_name(f"{PARTIAL}{uuid.uuid4().hex[:8]}-{path.name}")
    try:
        yield partial
        _flush(partial)
        os.replace(partial, path)
        _flush(path.parent)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written ({reason(error)}): make room or choose another folder; what was there before "
            "is unchanged."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def write_json(path, content):
    """Writes `content` as indented JSON, whole or not at all.

    Raises:
        InputError: it holds NaN or infinity, which JSON has no words for, or cannot be written.
    """
    try:
        text = json.dumps(content, indent=2, allow_nan=False)
    except ValueError as error:
        raise InputError(f"{path} would hold NaN or infinity: it is not written.") from error
    with whole(path) as partial:
        partial.write_text(text + "\n")


def check_folder(folder, what, remedy):
    """Makes `folder` if it is not there, and makes sure that files can be written in it.

    Args:
        folder: a `Path`.
        what, remedy: how the sentence names the folder, and what it advises.

    Raises:
        InputError: they cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f"{PARTIAL}{uuid.uuid4().hex[:8]}"
        probe.write_bytes(b"\0")  # a full disk makes empty files
        probe.unlink(missing_ok=True)
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL
        raise InputError(f"{what} {folder} cannot be written to ({reason(error)}): {remedy}.") from error


def sweep(folder):
    """Removes the unfinished files that killed processes left in a folder."""
    for path in folder.glob(f"{PARTIAL}*"):
        with contextlib.suppress(OSError):
            path.unlink()


def reason(error):
    """What an OSError or another exception says, on one line."""
    return getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__


def _flush(path):
    """Sees to it that a file, or the names in a folder, are on the disk."""
    if os.name == "nt" and path.is_dir():  # Windows opens no folders
        return
    descriptor = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
