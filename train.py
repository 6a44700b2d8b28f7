"""Trains one model and draws its figures: `python train.py --help` lists the settings."""

import sys

from vamp_core.errors import InputError
from vamp_core.training.config import TrainingConfig
from vamp_core.training.recorder import TrainingDiverged
from vamp_core.training.report import report
from vamp_core.training.train import train


def main():
    try:
        config = TrainingConfig.from_flags()
        model, data, folder = train(config)
    except (InputError, TrainingDiverged) as error:
        sys.exit(f"train.py: error: {error}")
    except KeyboardInterrupt:
        sys.exit("train.py: interrupted; finished epochs are kept: repeat the command with --resume to go on.")
    metrics, paths = report(model, data, folder, config)
    print("Written:", *paths, sep="\n  ")
    print(
        f"Test ELBO {metrics['test_elbo']:.2f} nats "
        f"(reconstruction {metrics['test_reconstruction']:.2f}, KL {metrics['test_kl']:.2f})"
    )


if __name__ == "__main__":
    main()
