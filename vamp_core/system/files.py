"""Files that are written whole or not at all."""

import contextlib
import json
import os
from pathlib import Path


@contextlib.contextmanager
def whole(path):
    """Yields a temporary path beside `path` that takes its place if, and only if, the block succeeds.

    The temporary name keeps the ending of `path`, since savers choose the format by it.
    """
    path = Path(path)
    partial = path.with_name(f".partial-{path.name}")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_json(path, content):
    """Writes `content` as indented JSON, whole or not at all."""
    with whole(path) as partial:
        partial.write_text(json.dumps(content, indent=2) + "\n")
