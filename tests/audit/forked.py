"""A copy of the tree to spoil, and its tests in a forked process, where TensorFlow is loaded already."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import keras  # noqa: F401
import matplotlib.pyplot  # noqa: F401
import pytest
import scipy.stats  # noqa: F401

ROOT = Path(__file__).parents[2]
SECONDS = 300  # of processor time, since a change may also have made a loop endless


@contextlib.contextmanager
def copy_of_the_tree(commit=None):
    """A temporary folder with the files of a commit, or with those of the working tree that git knows."""
    if commit is None:
        files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
        pack = ["tar", "--create", "--null", "--files-from=-"]
    else:
        files, pack = b"", ["git", "archive", commit]
    archive = subprocess.run(pack, cwd=ROOT, input=files, capture_output=True, check=True).stdout
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["tar", "--extract", "--directory", folder], input=archive, check=True)
        yield Path(folder)


def first_failure(folder, tests):
    """The first test that fails in the tree, of those that `make test` runs; None if all pass.

    Args:
        folder: of a tree; what it imports as `vamp_core` is its own.
        tests: files or tests, run in this order.
    """
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        os.close(read)
        _run(folder, tests, write)
    os.close(write)
    with os.fdopen(read) as pipe:
        told = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status == 0:
        return None
    if status < 0 or told:  # a signal: SIGPROF after `SECONDS`, or a crash
        return told or f"{tests[0]}: signal {-status}"
    sys.exit(f"The tests of {folder} did not run: pytest ended with status {status}.")


class _FirstFailure:
    def __init__(self, pipe):
        self.pipe = pipe

    def pytest_runtest_logreport(self, report):
        if report.failed:
            os.write(self.pipe, report.nodeid.encode())

    def pytest_collectreport(self, report):
        self.pytest_runtest_logreport(report)


def _run(folder, tests, pipe):
    """Runs the tests and ends the process, which is a forked one."""
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode = True  # a file that is changed within a second would be read from its cache
    options = ["-x", "-q", "-p", "no:cacheprovider", f"--rootdir={folder}", "-m", "not thorough"]
    os._exit(int(pytest.main([*options, *tests], plugins=[_FirstFailure(pipe)])))
