"""Arrays in files, of which nothing is unpacked before their headers are known to be right."""

import gzip
import io
import math
import os
import zipfile

import numpy as np

LONGEST_HEADER = 10_000  # bytes before the numbers of an array in NumPy's format; it writes 128


def read_npz(file, names, check):
    """The arrays of an npz file.

    Args:
        file: its path.
        names: which arrays to read; those that are missing are left out.
        check: called with the name, shape and dtype of each before it is read; raises what is to be raised.
    """
    with zipfile.ZipFile(file) as archive:
        members = {entry.filename: entry for entry in archive.infolist()}
        for name in names:
            if (entry := members.get(f"{name}.npy")) is not None:
                with archive.open(entry) as stream:
                    shape, dtype = _npy_header(stream)
                if dtype.hasobject:
                    raise ValueError("pickled objects")
                check(name, shape, dtype)
                if entry.file_size > math.prod(shape) * dtype.itemsize + LONGEST_HEADER:
                    raise ValueError("longer than its header says")
    with np.load(file, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in names if name in arrays}


def _npy_header(stream):
    """Shape and dtype of an array in NumPy's format, from its first bytes."""
    start = io.BytesIO(stream.read(LONGEST_HEADER))
    version = np.lib.format.read_magic(start)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
    shape, _, dtype = read(start)
    return shape, dtype


def read_npy(file, check):
    """The array in a file of NumPy's format.

    Args:
        file: its path.
        check: called with shape and dtype before it is read; raises what is to be raised.
    """
    with open(file, "rb") as stream:
        check(*_npy_header(stream))
    return np.load(file, allow_pickle=False)


def read_idx(file, check):
    """The array of bytes in an IDX file, which is gzipped if its name ends in .gz.

    Args:
        file: its path.
        check: called with shape and dtype before the rest is unpacked; raises what is to be raised.
    """
    with (gzip.open if str(file).endswith(".gz") else open)(file, "rb") as stream:
        # Header, big-endian: two zero bytes, the type (8 for bytes), the number of axes, then four bytes an axis.
        kind, axes = stream.read(4)[2:]
        shape = tuple(np.frombuffer(stream.read(4 * axes), ">u4", count=axes).tolist())
        check(shape, np.dtype(np.uint8 if kind == 8 else f"V{kind}"))
        size = math.prod(shape)
        content = stream.read(size + 1)
    if len(content) != size:
        raise ValueError("longer or shorter than its header says")
    return np.frombuffer(content, np.uint8).reshape(shape)


def read_digits(file, names, check):
    """Zeros and ones in a text file, a row of the array in a line: `0 1 1 0`, and so on.

    Args:
        file: its path.
        names: of one array, what the file holds.
        check: as in `read_npz`; called once the first line and the file's length have told the shape.
    """
    (name,) = names
    with open(file, "rb") as stream:
        line = stream.readline(LONGEST_HEADER)
        columns, size = len(line.split()), os.fstat(stream.fileno()).st_size
        rows = -(-size // max(1, len(line)))  # the last line may lack its end
        check(name, (rows, columns), np.dtype(np.uint8))
        content = np.frombuffer((line + stream.read()).ljust(rows * len(line), b" "), np.uint8).reshape(rows, -1)
    digits = content[:, : 2 * columns : 2] - ord("0")
    if digits.max() > 1 or not (content[:, 1 : 2 * columns - 1 : 2] == ord(" ")).all():
        raise ValueError("not zeros and ones")
    return {name: digits}
