"""From settings to a run folder: `train.py` and `vc.train`."""
