"""Arrays in MATLAB's files of version 5, read within the sizes that their headers state.

A file is a header of 128 bytes and a row of elements, each a tag (type, length) and its bytes, most of them compressed
(MathWorks, "MAT-File Format", 2024, chapter 1).
"""

import math
import struct
import zlib
from typing import NamedTuple

import numpy as np

from vamp_core.errors import InputError

COMPRESSED, MATRIX = 15, 14
TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
LONGEST_HEADER = 1000  # bytes before a matrix's numbers: flags, at most 32 axes, a name of 63 letters
COMPLEX = 0x0800


class _Header(NamedTuple):
    name: str
    shape: tuple
    dtype: np.dtype | None  # None for cells, text and all else that is no array of real numbers
    end: int  # where the numbers begin


def read_mat(file, names, check):
    """The arrays of numbers of a file.

    Args:
        file: its path.
        names: which variables to read; those that are missing are left out.
        check: called with the name, shape and dtype of each before it is unpacked; raises what is to be raised.

    Returns:
        {name: array}, in the machine's byte order.

    Raises:
        InputError: the file is of version 7.3.
        ValueError: it is damaged, or none of MATLAB's.
    """
    with open(file, "rb") as stream:
        start = stream.read(128)
        if start.startswith(b"\x89HDF") or start.startswith(b"MATLAB 7.3"):
            raise InputError(
                f"{file} is a MATLAB file of version 7.3, which is HDF5 inside: put the original there, or save it "
                "again by save(name, '-v7') in MATLAB."
            )
        order = {b"IM": "<", b"MI": ">"}[start[126:128]]
        found = {}
        while tag := stream.read(8):
            kind, length = struct.unpack(order + "II", tag)
            if kind not in (COMPRESSED, MATRIX):
                raise ValueError("no MATLAB file")
            place = stream.tell()
            unpack = zlib.decompressobj() if kind == COMPRESSED else None
            begin = _some(stream.read(min(length, LONGEST_HEADER)), unpack, LONGEST_HEADER)
            header = _header(begin[8:] if unpack else begin, order)  # within, the matrix has a tag of its own
            if header.name in names and header.dtype is not None:
                check(header.name, header.shape, header.dtype)
                stream.seek(place)
                most = LONGEST_HEADER + math.prod(header.shape) * 8
                content = stream.read(length) if unpack is None else _whole(stream.read(length), most)[8:]
                found[header.name] = _numbers(content, header, order)
            stream.seek(place + length)
    return found


def _some(content, unpack, most):
    return content if unpack is None else unpack.decompress(content, most)


def _whole(content, most):
    """All of a compressed element, of which `most` bytes at most are unpacked."""
    unpack = zlib.decompressobj()
    found = unpack.decompress(content, most)
    if unpack.unconsumed_tail or not unpack.eof:
        raise ValueError("longer or shorter than its header says")
    return found


def _element(content, place, order):
    """Type, bytes and end of the element at a place; small ones have both in their tag."""
    kind, length = struct.unpack_from(order + "II", content, place)
    if kind >> 16:
        kind, length, place = kind & 0xFFFF, kind >> 16, place + 4
        return kind, content[place : place + length], place + 4
    place += 8
    return kind, content[place : place + length], place + length + -length % 8


def _header(content, order):
    _, flags, place = _element(content, 0, order)
    flags = struct.unpack_from(order + "I", flags)[0]
    _, sizes, place = _element(content, place, order)
    _, name, place = _element(content, place, order)
    kind = CLASSES.get(flags & 0xFF)
    shape = tuple(np.frombuffer(sizes, order + "i4").tolist())
    if any(size < 0 for size in shape):
        raise ValueError("negative sizes")
    return _Header(name.decode("latin-1"), shape, None if kind is None or flags & COMPLEX else np.dtype(kind), place)


def _numbers(content, header, order):
    """MATLAB writes numbers column by column, and in the smallest type that holds them."""
    kind, numbers, _ = _element(content, header.end, order)
    numbers = np.frombuffer(numbers, order + TYPES[kind])
    if numbers.size != math.prod(header.shape):
        raise ValueError("longer or shorter than its header says")
    return numbers.astype(header.dtype).reshape(header.shape, order="F")
