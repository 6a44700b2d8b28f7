"""The project's own files: what a newcomer installs, and what the package may import."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import vamp_core as vc

ROOT = Path(__file__).parents[1]


def requirements(text, heading):
    """The quoted strings of a list `heading = [...]` in a TOML file."""
    return re.findall(r'"([^"]+)"', re.search(rf"^{heading} = \[(.*?)\]", text, re.M | re.S)[1])


def test_conda_environment_is_in_step_with_the_package():
    project = (ROOT / "pyproject.toml").read_text()
    expected = [name for heading in ("dependencies", "book", "test") for name in requirements(project, heading)]
    environment = (ROOT / "environment.yml").read_text()
    listed = re.findall(r"^      - (.+)$", environment, re.M)
    assert listed == [*expected, "--editable ."]
    python = re.search(r'requires-python = "(.+)"', project)[1]
    assert f"- python{python}\n" in environment


def test_the_core_is_keras_only():
    """Four files alone ask for backends: what the machine can do, several devices, derivatives, Adam's kernel."""
    for path in (ROOT / "vamp_core").rglob("*.py"):
        backends = re.findall(r"^\s*(?:import|from) (tensorflow|tf|jax|torch)\b", path.read_text(), re.M)
        may = path.name in ("hardware.py", "devices.py", "hosts.py", "gradients.py", "adam.py")
        assert may or not backends, path.name


# Each floor may use those before it, and no other; what stands side by side does not know of each other.
FLOORS = [
    {"errors", "version"},
    {"system"},
    {"images", "paper_data"},
    {"networks", "data", "plots"},
    {"own_images"},
    {"density"},
    {"models"},
    {"evaluation"},
    {"training"},
    {"pretrained", "widgets"},
]


def imported_modules(path):
    """What a file imports of the package, as paths below `vamp_core`, such as ("density", "priors", "Prior")."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names] if node.module else []
            assert node.level == 0, f"{path} imports relatively, where nobody sees from which floor"
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        found |= {tuple(name.split(".")[1:]) for name in names if name.split(".")[0] == "vamp_core"}
    return found


def floor_of(name):
    return next(number for number, floor in enumerate(FLOORS) if name in floor)


def test_imports_run_one_way():
    root = ROOT / "vamp_core"
    files = [path for path in root.rglob("*.py") if path != root / "__init__.py"]
    rooms = {path.relative_to(root).parts[0].removesuffix(".py") for path in files}
    assert rooms == set.union(*FLOORS)
    for path in files:
        own = path.relative_to(root).parts[0].removesuffix(".py")
        for module in imported_modules(path):
            assert module, f"{path} imports the whole package"
            assert module[0] == own or floor_of(module[0]) < floor_of(own), (path, module)


def test_no_wing_imports_in_a_circle():
    root = ROOT / "vamp_core"
    modules = {path.relative_to(root).with_suffix("").parts: path for path in root.rglob("*.py")}
    uses = {
        name: {other for found in imported_modules(path) for other in (found, found[:-1]) if other in modules} - {name}
        for name, path in modules.items()
    }
    while leaves := {name for name, used in uses.items() if not used & uses.keys()}:
        uses = {name: used for name, used in uses.items() if name not in leaves}
    assert not uses


def test_import_is_quiet_and_loads_no_widgets():
    # Whoever imports a module of the package has imported the package first.
    code = "import sys, vamp_core.training.train; sys.exit(bool({'ipywidgets', 'anywidget'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.thorough
def test_a_plain_checkout_trains_though_the_package_is_not_installed(tmp_path):
    """As the forerunner's users run it: nothing says that vamp_core is installed, in a folder without its metadata."""
    hidden = (
        "import importlib.metadata as metadata, runpy, sys\n"
        "version = metadata.version\n"
        "def installed(name):\n"
        "    if name == 'vamp_core':\n"
        "        raise metadata.PackageNotFoundError(name)\n"
        "    return version(name)\n"
        "metadata.version = installed\n"
        "sys.argv[0] = 'train.py'\n"
        "runpy.run_path('train.py', run_name='__main__')\n"
    )
    flags = "--data_set digits --network gated_mlp --epochs 1 --batch_size 1500".split()
    command = [sys.executable, "-c", hidden, *flags, "--output_dir", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [config] = tmp_path.glob("*/*/config.json")
    assert json.loads(config.read_text())["sessions"][0]["versions"]["vamp_core"] == vc.__version__
