"""Mutation testing of densities, priors, objective and evaluation: what small change does no test notice?

    python tests/audit/mutants.py [NUMBER] [SEED]     a sample of so many mutants, 60 if not given

A mutant swaps one operator or comparison, leaves out a minus or a `not`, or changes one number. Its own wing's
tests decide: it is killed by the first that fails or does not end. Survivors are printed, for someone to judge.
"""

import ast
import random
import sys
import time

from forked import copy_of_the_tree, first_failure

TESTS = {  # module: tests, those that are about it first
    "density/distributions": ("density", "evaluation/test_log_likelihood.py"),
    "density/likelihoods": ("density/test_likelihoods.py", "models/test_models.py"),
    "density/priors": ("density/test_priors.py", "models/test_models.py"),
    "models/objective": ("models/test_iwae.py", "models/test_models.py"),
    "evaluation/importance": ("evaluation",),
    "evaluation/pareto": ("evaluation",),
    "evaluation/log_likelihood": ("evaluation",),
    "evaluation/aggregate": ("evaluation",),
}
SWAPS = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip


def changes(tree):
    """All changes of a module, each as (line, function that makes it and gives one that takes it back)."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.BinOp, ast.BoolOp)) and type(node.op) in SWAPS:
            yield node.lineno, _setting(node, "op", SWAPS[type(node.op)]())
        elif isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
            yield node.lineno, _setting(node, "ops", [SWAPS[type(node.ops[0])](), *node.ops[1:]])
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.Not)):
            other = ast.UAdd() if isinstance(node.op, ast.USub) else None
            yield node.lineno, _setting(node, "op", other) if other else _setting(node, "operand", _negated(node))
        elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
            yield node.lineno, _setting(node, "value", node.value + 1)
        elif isinstance(node, ast.Constant) and type(node.value) is bool:
            yield node.lineno, _setting(node, "value", not node.value)


def _negated(node):
    return ast.UnaryOp(ast.Not(), node.operand)


def _setting(node, name, value):
    def make():
        before = getattr(node, name)
        setattr(node, name, value)
        return lambda: setattr(node, name, before)

    return make


def main(number=60, seed=0):
    started, killed = time.monotonic(), 0
    with copy_of_the_tree() as folder:
        mutants = []
        for module in TESTS:
            path = folder / "vamp_core" / f"{module}.py"
            tree = ast.parse(path.read_text())
            mutants += [(module, path, tree, line, make) for line, make in changes(tree)]
        sample = random.Random(int(seed)).sample(mutants, min(int(number), len(mutants)))
        for module, path, tree, line, make in sample:
            source = path.read_text()
            take_back = make()
            path.write_text(ast.unparse(tree))
            failed = first_failure(folder, [str(folder / "tests" / test) for test in TESTS[module]])
            mutated = ast.unparse(tree).splitlines()
            take_back()
            path.write_text(source)
            killed += failed is not None
            if failed is None:
                [changed] = set(mutated) - set(ast.unparse(tree).splitlines()) or {"(a line that is there twice)"}
                print(f"survived: {module}.py:{line}\n  {source.splitlines()[line - 1].strip()}\n  {changed.strip()}")
            print("." if failed else "S", end="", file=sys.stderr, flush=True)
    print(f"\n{killed} of {len(sample)} killed, a sample of {len(mutants)}; {time.monotonic() - started:.0f} seconds.")


if __name__ == "__main__":
    main(*sys.argv[1:])
