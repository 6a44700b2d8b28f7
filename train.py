"""Trains one model and draws its figures: `python train.py --help` lists the settings."""

import os
import sys
import traceback


def main():
    try:
        run()
    except KeyboardInterrupt:
        end("train.py: interrupted; finished epochs are kept: repeat the command with --resume to go on.")


def run():
    # In here, since loading the backend takes seconds, in which Ctrl-C is as likely as later.
    from dataclasses import fields

    from vamp_core.errors import InputError
    from vamp_core.system.hosts import join_hosts, leave_hosts, several_hosts
    from vamp_core.training.config import TrainingConfig
    from vamp_core.training.flags import parse_flags
    from vamp_core.training.recorder import TrainingDiverged
    from vamp_core.training.report import report
    from vamp_core.training.train import train

    try:
        settings = parse_flags(fields(TrainingConfig))
        join_hosts()  # which has to come before anything is computed
        config = TrainingConfig(**settings)
        model, data, folder = train(config)
        leave_hosts()
        if folder is None:  # one of several hosts; the first one reports
            return
        metrics, paths = report(model, data, folder, config)
    except (InputError, TrainingDiverged) as error:
        end(f"train.py: error: {error}")
    except Exception:
        if not several_hosts():
            raise
        traceback.print_exc()
        end("train.py: error: This host cannot go on: if another one was lost, start all again with --resume.")
    print("Written:", *paths, sep="\n  ")
    print(
        f"Test ELBO {metrics['test_elbo']:.2f} nats "
        f"(reconstruction {metrics['test_reconstruction']:.2f}, KL {metrics['test_kl']:.2f})"
    )


def end(message):
    """Ends with status 1; of several hosts at once, since JAX would wait for the others."""
    hosts = sys.modules.get("vamp_core.system.hosts")
    if hosts and hosts.several_hosts():
        print(message, file=sys.stderr, flush=True)
        os._exit(1)
    sys.exit(message)


if __name__ == "__main__":
    main()
