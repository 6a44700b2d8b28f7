"""Mutation testing of densities, priors, objective and evaluation: what small change does no test notice?

    python tests/audit/mutants.py [NUMBER] [SEED] [PROCESSES]     a sample of so many mutants, 60 if not given

A mutant swaps one operator or comparison, leaves out a minus or a `not`, or changes one number. Its own wing's
tests decide: it is killed by the first that fails or does not end. Survivors are printed, for someone to judge.
Any backend will do.
"""

import ast
import multiprocessing
import random
import sys
import time
from functools import partial

from forked import ROOT, copy_of_the_tree, first_failure

TESTS = {  # module: tests, those that are about it first
    "density/distributions": ("density/test_distributions.py", "density/test_mixtures.py", "density/test_priors.py"),
    "density/likelihoods": ("density/test_likelihoods.py", "models/test_models.py"),
    "density/priors": ("density/test_priors.py", "models/test_state.py", "models/test_models.py"),
    "density/vamp_prior": ("density/test_priors.py", "models/test_state.py", "models/test_models.py"),
    "models/objective": ("models/test_iwae.py", "models/test_models.py", "models/test_objective.py"),
    "evaluation/aggregate": ("evaluation/test_log_likelihood.py",),
    "evaluation/ais": ("evaluation/test_ais.py",),
    "evaluation/bank": ("evaluation/test_search.py", "evaluation/test_ais.py"),
    "evaluation/bounds": ("evaluation/test_log_likelihood.py",),
    "evaluation/checks": ("evaluation",),
    "evaluation/decoded": ("evaluation/test_decoded.py", "evaluation/test_log_likelihood.py"),
    "evaluation/few_latents": ("evaluation/test_search.py", "evaluation/test_log_likelihood.py"),
    "evaluation/hamiltonian": ("evaluation/test_ais.py",),
    "evaluation/importance": ("evaluation/test_log_likelihood.py",),
    "evaluation/log_likelihood": ("evaluation/test_log_likelihood.py", "evaluation/test_resume_file.py"),
    "evaluation/many_latents": ("evaluation/test_many_latents.py",),
    "evaluation/mixture": ("evaluation/test_search.py", "evaluation/test_many_latents.py"),
    "evaluation/pareto": ("evaluation/test_log_likelihood.py",),
    "evaluation/posteriors": ("evaluation/test_many_latents.py", "evaluation/test_search.py"),
    "evaluation/quadrature": ("evaluation/test_quadrature.py",),
    "evaluation/refinement": ("evaluation/test_many_latents.py",),
    "evaluation/resume_file": ("evaluation/test_resume_file.py",),
    "evaluation/search": ("evaluation/test_search.py", "evaluation/test_log_likelihood.py"),
}
SWAPS = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip


def changes(tree):
    """All changes of a module, each as (line, function that makes it)."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.BinOp, ast.BoolOp)) and type(node.op) in SWAPS:
            yield node.lineno, partial(setattr, node, "op", SWAPS[type(node.op)]())
        elif isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
            yield node.lineno, partial(setattr, node, "ops", [SWAPS[type(node.ops[0])](), *node.ops[1:]])
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.Not)):
            other = ast.UAdd() if isinstance(node.op, ast.USub) else None
            yield (
                node.lineno,
                partial(setattr, node, "op", other) if other else partial(setattr, node, "operand", _negated(node)),
            )
        elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
            yield node.lineno, partial(setattr, node, "value", node.value + 1)
        elif isinstance(node, ast.Constant) and type(node.value) is bool:
            yield node.lineno, partial(setattr, node, "value", not node.value)


def _negated(node):
    return ast.UnaryOp(ast.Not(), node.operand)


def survivors(share, sample):
    """Prints and counts those of one process's share of (module, number of the change) that no test kills."""
    survived = 0
    with copy_of_the_tree() as folder:
        for module, number in sample[share]:
            path = folder / "vamp_core" / f"{module}.py"
            source = path.read_text()
            tree = ast.parse(source)
            right = ast.unparse(tree).splitlines()
            line, make = list(changes(tree))[number]
            make()
            wrong = ast.unparse(tree)
            path.write_text(wrong)
            failed = first_failure(folder, [str(folder / "tests" / test) for test in TESTS[module]])
            path.write_text(source)
            print("." if failed else "S", end="", file=sys.stderr, flush=True)
            if failed is None:
                survived += 1
                [changed] = set(wrong.splitlines()) - set(right) or {"(a line that is there twice)"}
                print(
                    f"survived: {module}.py:{line}\n  {source.splitlines()[line - 1].strip()}\n  {changed.strip()}",
                    flush=True,
                )
    return survived


def main(number=60, seed=0, processes=1):
    started, processes = time.monotonic(), int(processes)
    modules = ROOT / "vamp_core"
    mutants = [
        (module, change)
        for module in TESTS
        for change, _ in enumerate(changes(ast.parse((modules / f"{module}.py").read_text())))
    ]
    sample = random.Random(int(seed)).sample(mutants, min(int(number), len(mutants)))
    shares = [sample[first::processes] for first in range(processes)]
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        survived = sum(pool.map(partial(survivors, sample=shares), range(processes), chunksize=1))
    killed = len(sample) - survived
    print(f"\n{killed} of {len(sample)} killed, a sample of {len(mutants)}; {time.monotonic() - started:.0f} seconds.")


if __name__ == "__main__":
    main(*sys.argv[1:])
