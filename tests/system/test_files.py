"""Files are whole or not there; their seals and owners are what they say."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from vamp_core.errors import InputError
from vamp_core.system import seals
from vamp_core.system.files import check_folder, whole, write_json
from vamp_core.system.owner import owner_of


def test_a_block_that_fails_leaves_what_was_there(tmp_path):
    path = tmp_path / "numbers.txt"
    path.write_text("before")
    with pytest.raises(KeyError), whole(path) as partial:
        partial.write_text("half")
        raise KeyError
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["numbers.txt"]


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    path = tmp_path / "numbers.txt"
    with whole(path) as first, whole(path) as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first"  # whoever ends last
    assert os.listdir(tmp_path) == ["numbers.txt"]


def test_a_disk_that_refuses_is_told(tmp_path):
    with pytest.raises(InputError, match=r"cannot be written \(No space left on device\): make room"):
        with whole(tmp_path / "file"):
            raise OSError(28, "No space left on device")
    with pytest.raises(InputError, match="cannot be written"):
        write_json(tmp_path / "none" / "file.json", {})
    with pytest.raises(InputError, match="The folder /proc/none cannot be written to .*: go elsewhere"):
        check_folder(type(tmp_path)("/proc/none"), "The folder", "go elsewhere")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_json_is_not_written(tmp_path, value):
    with pytest.raises(InputError, match="would hold NaN or infinity"):
        write_json(tmp_path / "file.json", {"elbo": float(value)})
    assert not os.listdir(tmp_path)


def test_a_seal_is_broken_by_any_change(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"content")
    assert seals.read_seal(path) is None
    seals.seal(path, {"epoch": 3})
    assert seals.read_seal(path) == {"epoch": 3}
    sealed = path.read_bytes()
    assert sealed.startswith(b"content")
    for place in range(len(sealed) - len(seals.MARK)):
        path.write_bytes(sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :])
        with pytest.raises(seals.Unsealed):
            seals.read_seal(path)


def test_a_fingerprint_does_not_know_order():
    assert seals.fingerprint({"a": 1, "b": [2.5, None]}) == seals.fingerprint(json.loads('{"b": [2.5, null], "a": 1}'))
    assert seals.fingerprint({"a": 1}) != seals.fingerprint({"a": 2})


def test_a_lock_ends_with_its_process(tmp_path):
    path, other = tmp_path / "run", [sys.executable, "-c"]
    code = f"from pathlib import Path; from vamp_core.system.owner import owner_of; path = Path({str(path)!r})\n"
    hold = code + "import os, time\nwith owner_of(path): print(os.getpid(), flush=True); time.sleep(60)"
    with subprocess.Popen([*other, hold], stdout=subprocess.PIPE, text=True) as holder:
        process = holder.stdout.readline().strip()
        with pytest.raises(InputError, match=f"in use by process {process} on "):
            with owner_of(path):
                raise AssertionError("two owners")
        holder.kill()
    with owner_of(path):
        assert (tmp_path / ".run.lock").read_text().startswith(f"process {os.getpid()} on ")
    assert not os.listdir(tmp_path)
