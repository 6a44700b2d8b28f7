"""Do the tests notice? Plants ten faults, one after the other, and says which test caught each.

    python tests/audit/planted_faults.py [COMMIT]     in a commit, or in the working tree

Everything happens in a temporary copy. Each fault is a change of one line in densities, priors, objective or
evaluation that leaves a working programme with wrong numbers. A test counts if it passes without the fault.
"""

import sys

from forked import copy_of_the_tree, first_failure

# By the line's place, where what is wrong there should be noticed: a wing, or files from before there were wings.
TESTS = {
    "density": ("density", "test_distributions.py", "test_priors.py"),
    "models": ("models", "test_iwae.py", "test_models.py"),
    "evaluation": ("evaluation", "test_evaluation.py"),
}

# Fault: where it lies, and how to make it, right → wrong; a line that has been rewritten since comes as it was too.
FAULTS = {
    "log K missing from the mixture": (
        "density",
        {
            'ops.full((means.shape[0],), -math.log(means.shape[0]), dtype="float32")': (
                'ops.full((means.shape[0],), 0.0, dtype="float32")'
            ),
            "return ops.logsumexp(log_components, axis=1) - math.log(means.shape[0])": (
                "return ops.logsumexp(log_components, axis=1)"
            ),
        },
    ),
    "log-sum-exp before the sum over latents": (
        "density",
        {
            "return (_by_products if has_float64() else _by_differences)(z, means, logvars, log_weights)": (
                "return ops.sum(ops.logsumexp(ops.expand_dims(log_weights, 1) - 0.5 * (LOG_2PI + logvars "
                "+ ops.square(ops.expand_dims(z, 1) - means) * ops.exp(-logvars)), axis=1), axis=1)"
            ),
            "return ops.logsumexp(log_components, axis=1) - math.log(means.shape[0])": (
                "return ops.sum(ops.logsumexp(-0.5 * (LOG_2PI + logvars + ops.square(ops.expand_dims(z, 1) - means) "
                "* precision), axis=1) - math.log(means.shape[0]), axis=1)"
            ),
        },
    ),
    "variance for standard deviation in normal_sample": (
        "density",
        {"return mean + ops.exp(0.5 * logvar) * noise": "return mean + ops.exp(logvar) * noise"},
    ),
    "mixture_sample takes components in order": (
        "density",
        {"random.categorical(ops.expand_dims(log_weights, 0), n, seed=seed)[0]": "ops.arange(n) % means.shape[0]"},
    ),
    "pseudo-inputs are not projected": (
        "density",
        {"constraint=None if limits is None else WithinRange(*limits)": "constraint=None"},
    ),
    "β is ignored": (
        "models",
        {"self.reconstruction - beta * self.kl": "self.reconstruction - self.kl"},
    ),
    "IWAE: mean of the log-weights, not log-mean-exp": (
        "models",
        {"math.log(samples) - ops.logsumexp(ops.reshape(log_weights": "-ops.mean(ops.reshape(log_weights"},
    ),
    "importance weights without log q": (
        "evaluation",
        {"return z, normal_log_prob(z, mean, logvar) - self.log_prior(z)": "return z, -self.log_prior(z)"},
    ),
    "k̂ with the other sign": (
        "evaluation",
        {"return (count * k + 10 * 0.5) / (count + 10)": "return (-count * k + 10 * 0.5) / (count + 10)"},
    ),
    "standard error without −1/S": (
        "evaluation",
        {"np.sqrt(np.maximum(concentration - 1 / samples, 0.0))": "np.sqrt(np.maximum(concentration, 0.0))"},
    ),
}


def main(commit=None):
    with copy_of_the_tree(commit) as folder:
        caught = 0
        print("| fault | caught by |\n| --- | --- |", flush=True)
        for fault, (wing, changes) in FAULTS.items():
            tests = [str(path) for name in TESTS[wing] if (path := folder / "tests" / name).exists()]
            sources = {path: path.read_text() for path in (folder / "vamp_core").rglob("*.py")}
            [(path, source, right)] = [
                (*item, right) for item in sources.items() for right in changes if right in item[1]
            ]
            path.write_text(source.replace(right, changes[right]))
            failed = first_failure(folder, tests)
            path.write_text(source)
            if failed and first_failure(folder, [failed]):
                sys.exit(f"{failed} fails without a fault too.")
            caught += failed is not None
            print(f"| {fault} | {f'`{failed}`' if failed else 'no test'} |", flush=True)
    print(f"\n{caught} of {len(FAULTS)} caught.")
    sys.exit(caught < len(FAULTS))


if __name__ == "__main__":
    main(*sys.argv[1:])
