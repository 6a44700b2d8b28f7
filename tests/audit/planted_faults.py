"""Do the tests notice? Plants ten faults, one after the other, and says which test caught each.

    python tests/audit/planted_faults.py [COMMIT]     of a commit, or of the working tree

Everything happens in a temporary copy. Each fault is a change of one line in densities, priors, objective or
evaluation that leaves a working programme with wrong numbers.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Wherever they lie in the tree of that commit, in this order; the first failure ends a run.
TESTS = "distributions", "priors", "iwae", "log_likelihood", "evaluation", "models"

FAULTS = {
    "log K missing from the mixture": (
        "return ops.logsumexp(log_components, axis=1) - math.log(means.shape[0])",
        "return ops.logsumexp(log_components, axis=1)",
    ),
    "log-sum-exp before the sum over latents": (
        "return ops.logsumexp(log_components, axis=1) - math.log(means.shape[0])",
        "return ops.sum(ops.logsumexp(-0.5 * (LOG_2PI + logvars + ops.square(ops.expand_dims(z, 1) - means) "
        "* precision), axis=1) - math.log(means.shape[0]), axis=1)",
    ),
    "variance for standard deviation in normal_sample": (
        "return mean + ops.exp(0.5 * logvar) * noise",
        "return mean + ops.exp(logvar) * noise",
    ),
    "mixture_sample takes components in order": (
        "random.categorical(ops.expand_dims(log_weights, 0), n, seed=seed)[0]",
        "ops.arange(n) % means.shape[0]",
    ),
    "pseudo-inputs are not projected": (
        "constraint=None if limits is None else WithinRange(*limits)",
        "constraint=None",
    ),
    "β is ignored": (
        "self.reconstruction - beta * self.kl",
        "self.reconstruction - self.kl",
    ),
    "IWAE: mean of the log-weights, not log-mean-exp": (
        "math.log(samples) - ops.logsumexp(ops.reshape(log_weights, (-1, samples)), axis=1)",
        "-ops.mean(ops.reshape(log_weights, (-1, samples)), axis=1)",
    ),
    "importance weights without log q": (
        "return z, normal_log_prob(z, mean, logvar) - self.log_prior(z)",
        "return z, -self.log_prior(z)",
    ),
    "k̂ with the other sign": (
        "return (count * k + 10 * 0.5) / (count + 10)",
        "return (-count * k + 10 * 0.5) / (count + 10)",
    ),
    "standard error without −1/S": (
        "np.sqrt(np.maximum(concentration - 1 / samples, 0.0))",
        "np.sqrt(np.maximum(concentration, 0.0))",
    ),
}


def copy_tree(folder, commit):
    """The files of a commit, or those of the working tree that git knows, in `folder`."""
    if commit is None:
        files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
        pack = ["tar", "--create", "--null", "--files-from=-"]
    else:
        files, pack = b"", ["git", "archive", commit]
    archive = subprocess.run(pack, cwd=ROOT, input=files, capture_output=True, check=True).stdout
    subprocess.run(["tar", "--extract", "--directory", folder], input=archive, check=True)


def run_tests(folder):
    """The first test that fails in the tree, None if all pass."""
    paths = [path for name in TESTS for path in sorted((folder / "tests").rglob(f"test_{name}.py"))]
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *paths],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(folder)}, capture_output=True, text=True,
    )  # fmt: skip
    if result.returncode == 0:
        return None
    if failed := re.search(r"^FAILED (\S+)", result.stdout, re.M):
        return failed[1]
    sys.exit(f"The tests did not run:\n{result.stdout}{result.stderr}")


def main(commit=None):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_tree(folder, commit)
        if failed := run_tests(folder):
            sys.exit(f"{failed} fails without a fault.")
        caught = 0
        print("| fault | caught by |\n| --- | --- |", flush=True)
        for fault, (right, wrong) in FAULTS.items():
            [path] = [path for path in (folder / "vamp_core").rglob("*.py") if right in path.read_text()]
            source = path.read_text()
            path.write_text(source.replace(right, wrong))
            failed = run_tests(folder)
            path.write_text(source)
            caught += failed is not None
            print(f"| {fault} | {f'`{failed}`' if failed else 'no test'} |", flush=True)
    print(f"\n{caught} of {len(FAULTS)} caught.")
    sys.exit(caught < len(FAULTS))


if __name__ == "__main__":
    main(*sys.argv[1:])
