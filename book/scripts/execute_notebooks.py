"""Executes the book's notebooks anew, in reading order, each in a kernel of its own, one after the other.

    python book/scripts/execute_notebooks.py [NOTEBOOK ...]     all, or some

A notebook that ends in an error, or prints a warning, stays as it was and the command fails. The seconds that each
one took are kept in `book/results/notebooks.json`, from which the notebooks' own statements come.
"""

import base64
import contextlib
import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from pictures import smaller

from vamp_core.system.files import whole, write_json
from vamp_core.system.hardware import device_name

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
WIDGET = "application/vnd.jupyter.widget-view+json"
TIMES = Path(__file__).parents[1] / "results" / "notebooks.json"


def execute(path):
    """The executed notebook, and the seconds it took: of the clock, and of processor time."""
    notebook = nbformat.read(path, as_version=4)
    started, used = time.perf_counter(), _child_seconds()
    with tempfile.TemporaryDirectory() as folder:
        if data := os.environ.get("VAMP_DATA_DIR"):
            # By a link, so that no notebook prints where the data lie on this machine.
            Path(folder, "data").symlink_to(Path(data).resolve(), target_is_directory=True)
        with _environment(VAMP_DATA_DIR="data" if data else ""):
            where = {"metadata": {"path": folder}}
            NotebookClient(notebook, kernel_name="python3", resources=where, coalesce_streams=True).execute()
    seconds = {"clock": round(time.perf_counter() - started), "processor": round(_child_seconds() - used)}
    return tidied(notebook), seconds


def tidied(notebook):
    """The notebook without what changes at each execution and tells a reader nothing."""
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if "outputs" in cell:  # what is left of a widget without its kernel is a number that leads nowhere
            cell.outputs = [output for output in cell.outputs if WIDGET not in output.get("data", ())]
        for output in cell.get("outputs", ()):
            if picture := output.get("data", {}).get("image/png"):
                output.data["image/png"] = base64.b64encode(smaller(base64.b64decode(picture))).decode()
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return notebook


def complaints(notebook):
    """What the notebook's cells wrote to the error stream, where warnings go."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return [output.text for output in outputs if output.output_type == "stream" and output.name == "stderr"]


def main(names):
    paths = [NOTEBOOKS / Path(name).name for name in names] or sorted(NOTEBOOKS.glob("*.ipynb"))
    if missing := [path.name for path in paths if not path.exists()]:
        sys.exit(f"execute_notebooks.py: error: there is no notebook {', '.join(missing)} in {NOTEBOOKS.name}/.")
    failed = []
    for path in paths:
        try:
            notebook, seconds = execute(path)
            trouble = "\n".join(complaints(notebook))
        except CellExecutionError as error:
            trouble = str(error)
        if trouble:
            failed.append(path.name)
            print(f"{path.name} stays as it was:\n{trouble}", file=sys.stderr)
            continue
        with whole(path) as partial:
            nbformat.write(notebook, partial)
        _keep(path.name, seconds | {"device": device_name()})
        print(f"{path.name}: {seconds['clock']} seconds, {seconds['processor']} of processor time", flush=True)
    sys.exit(f"Not written: {', '.join(failed)}." if failed else 0)


def _keep(name, seconds):
    times = json.loads(TIMES.read_text()) if TIMES.exists() else {}
    write_json(TIMES, dict(sorted((times | {name: seconds}).items())))


@contextlib.contextmanager
def _environment(**variables):
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _child_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main(sys.argv[1:])
