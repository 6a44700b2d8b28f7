"""How much memory the machine has for this process."""

import os
import re
from pathlib import Path

_CGROUP_FILES = ("memory.max", "memory/memory.limit_in_bytes")  # of version 2 and 1


def machine_memory(cgroups=Path("/sys/fs/cgroup"), own=Path("/proc/self/cgroup")):
    """Bytes of memory that this process may have: the machine's, or a container's or shell's lower limit.

    None where the system tells nothing.
    """
    return min([*_of_machine(), *_of_process(), *_of_cgroups(cgroups, own)], default=None)


def in_words(size):
    """Bytes as a person reads them: "1.5 GB"."""
    for unit, name in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB")):
        if size >= unit:
            return f"{size / unit:,.1f} {name}"
    return f"{size / 1e3:,.1f} kB"


def _of_machine():
    try:
        yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows has none of it
        return


def _of_process():
    try:
        import resource
    except ImportError:  # Windows
        return
    for limit in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
        if (soft := resource.getrlimit(limit)[0]) != resource.RLIM_INFINITY:
            yield soft


def _of_cgroups(cgroups, own):
    """The limits of the process's own group and of those that hold it."""
    try:
        groups = re.findall(r"^0::/(.*)$", own.read_text(), re.M)
    except (OSError, UnicodeDecodeError):
        groups = []
    folders = {cgroups}
    for group in groups:
        folders |= {cgroups / part for part in (Path(group), *Path(group).parents)}
    for folder in folders:
        for name in _CGROUP_FILES:
            try:
                yield int((folder / name).read_text())
            except (OSError, ValueError):  # there is none, or it says "max"
                continue
