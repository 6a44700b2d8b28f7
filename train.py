"""Trains one model and draws its figures: `python train.py --help` lists the settings."""

import sys


def main():
    try:
        run()
    except KeyboardInterrupt:
        sys.exit("train.py: interrupted; finished epochs are kept: repeat the command with --resume to go on.")


def run():
    # In here, since loading the backend takes seconds, in which Ctrl-C is as likely as later.
    from vamp_core.errors import InputError
    from vamp_core.system.hosts import join_hosts
    from vamp_core.training.config import TrainingConfig
    from vamp_core.training.recorder import TrainingDiverged
    from vamp_core.training.report import report
    from vamp_core.training.train import train

    try:
        join_hosts()  # which has to come before anything is computed
        config = TrainingConfig.from_flags()
        model, data, folder = train(config)
        if folder is None:  # one of several hosts; the first one reports
            return
        metrics, paths = report(model, data, folder, config)
    except (InputError, TrainingDiverged) as error:
        sys.exit(f"train.py: error: {error}")
    print("Written:", *paths, sep="\n  ")
    print(
        f"Test ELBO {metrics['test_elbo']:.2f} nats "
        f"(reconstruction {metrics['test_reconstruction']:.2f}, KL {metrics['test_kl']:.2f})"
    )


if __name__ == "__main__":
    main()
