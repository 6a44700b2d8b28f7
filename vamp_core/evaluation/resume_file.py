"""The file from which an interrupted evaluation goes on: what is done, and what decided it."""

import hashlib
import time
import zipfile
import zlib
from pathlib import Path

import numpy as np

from vamp_core.errors import InputError
from vamp_core.system.files import whole

SECONDS_BETWEEN_WRITES = 30


class ResumeFile:
    """Results of the first data points, beside samples, seed, and checksums of the weights and of each point.

    A checksum for each point lets an evaluation go on from fewer points to more, too.

    Args:
        path: an .npz file, which need not exist yet.
        x: all data points to evaluate, (N, ...).
        weights: the model's, a list of arrays.
        settings: {name: number} of what else decides the results.
        columns: how many numbers there are per data point.

    Attributes:
        results: what the file already holds for the first n points of `x`, (columns, n).

    Raises:
        InputError: there is no such folder, or the file is of another evaluation.
    """

    def __init__(self, path, x, weights, settings, columns):
        self.path = Path(path)
        if not self.path.parent.is_dir():
            raise InputError(f"resume_file is {self.path}, but there is no folder {self.path.parent}: make it first.")
        checksum = hashlib.sha256(b"".join(weight.tobytes() for weight in weights)).hexdigest()
        self.settings = {**settings, "weights": checksum}
        self.points = np.array([zlib.crc32(point.tobytes()) for point in x])
        self.results, seconds = np.empty((columns, 0)), 0.0
        if self.path.exists():
            self.results, seconds = self._read()
        self.written = time.monotonic()
        self.started = self.written - seconds

    def _read(self):
        try:
            with np.load(self.path) as file:
                before = {name: file[name].item() for name in self.settings}
                points, results, seconds = file["points"], file["results"], file["seconds"].item()
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise InputError(f"{self.path} is not the resume_file of an evaluation: name another.") from error
        changed = [name for name in self.settings if before[name] != self.settings[name]]
        shared = min(len(points), len(self.points))
        if np.any(points[:shared] != self.points[:shared]):
            changed.append("data")
        if changed:
            raise InputError(
                f"{self.path} is of an evaluation with other {', '.join(changed)}: name another resume_file, or delete "
                "this one to begin anew."
            )
        return results[:, :shared], seconds

    def write(self, parts):
        """Writes the results so far: a list of parts (columns, n) that begins with `results`."""
        if len(parts) == 1:  # nothing new, and the file may hold more points than were asked for
            return
        results = np.concatenate(parts, axis=1)
        points = self.points[: results.shape[1]]
        self.written = time.monotonic()
        seconds = self.written - self.started
        with whole(self.path) as partial, partial.open("wb") as file:
            np.savez(file, results=results, points=points, seconds=seconds, **self.settings)

    def write_now_and_then(self, parts):
        """As `write`, at most every `SECONDS_BETWEEN_WRITES`."""
        if time.monotonic() - self.written > SECONDS_BETWEEN_WRITES:
            self.write(parts)
