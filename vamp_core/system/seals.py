"""Fingerprints: what files say about their content, so that it can be checked when they are read.

A sealed file is its content, a record in JSON, and 48 bytes: the record's length, the SHA-256 of all before, and a
mark.
"""

import hashlib
import json

MARK = b"vampseal"
_TAIL = 32 + len(MARK)


class Unsealed(ValueError):
    """A file's content is not what its seal says."""


def fingerprint(content):
    """The SHA-256 of what JSON can hold, whatever the order of its dictionaries, as a hexadecimal string."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def seal(path, record):
    """Appends `record`, a dictionary, and the checksum of the whole to a file that is being written."""
    tail = json.dumps(record, allow_nan=False).encode()
    tail += len(tail).to_bytes(8, "big")
    checksum = hashlib.sha256(path.read_bytes())
    checksum.update(tail)
    with open(path, "ab") as file:
        file.write(tail + checksum.digest() + MARK)


def read_sealed(path):
    """(content, record) of a sealed file; (all of it, None) for one without a seal, such as older versions wrote.

    Raises:
        Unsealed: the file's content is not what it was when it was sealed.
        OSError: the file cannot be read.
    """
    content = memoryview(path.read_bytes())
    if len(content) < _TAIL or content[-len(MARK) :] != MARK:
        return content, None
    sealed, checksum = content[:-_TAIL], content[-_TAIL : -len(MARK)]
    if hashlib.sha256(sealed).digest() != checksum:
        raise Unsealed("its content is not what it was when it was sealed")
    length = int.from_bytes(sealed[-8:], "big")
    return sealed[: -8 - length], json.loads(bytes(sealed[-8 - length : -8]))


def read_seal(path):
    """The record that a file was sealed with, None if there is none.

    Raises:
        Unsealed, OSError: as for `read_sealed`.
    """
    return read_sealed(path)[1]
