"""The project's own files: what a newcomer installs, and what the package may import."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

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
    """Backends are asked for in hardware.py alone."""
    for path in (ROOT / "vamp_core").rglob("*.py"):
        backends = re.findall(r"^\s*(?:import|from) (tensorflow|tf|jax|torch)\b", path.read_text(), re.M)
        assert path.name == "hardware.py" or not backends, path.name


def test_imports_run_one_way():
    """distributions, bounds → likelihoods, priors, networks, losses → base → models → evaluation, config → training."""
    order = ["errors", "files", "resume_file", "quiet", "distributions", "data", "hardware", "bounds"]
    order += ["likelihoods", "networks", "gated_networks", "losses", "priors", "base", "models", "flops", "pareto"]
    order += ["importance", "evaluation", "aggregate", "config", "run_folder", "warm_start", "training", "plots"]
    order += ["widgets", "report", "pretrained"]
    files = {path.relative_to(ROOT / "vamp_core"): path.read_text() for path in (ROOT / "vamp_core").rglob("*.py")}
    assert {path.parts[0].removesuffix(".py") for path in files} == {*order, "__init__"}
    for position, module in enumerate(order):
        text = "\n".join(text for path, text in files.items() if path.parts[0].removesuffix(".py") == module)
        imported = set(re.findall(r"^from vamp_core\.(\w+)[\w.]* import", text, re.M)) - {module}
        for line in re.findall(r"^from vamp_core import (.+)$", text, re.M):
            imported |= set(line.split(", "))
        assert all(order.index(name) < position for name in imported), (module, imported)


@pytest.mark.parametrize("module", ["vamp_core", "vamp_core.training"])
def test_import_is_quiet(module):
    result = subprocess.run([sys.executable, "-c", f"import {module}"], capture_output=True, text=True, cwd=ROOT)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
