# Each target sets up what it needs: Python and make are enough.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: test test-thorough train results results-check results-figures results-likelihood audit-likelihood benchmark notebooks book page-models page-points repository audit clean

test: .venv/installed
	$(BIN)/ruff check .
	VAMP_SMOKE=1 $(BIN)/python -m pytest -n auto --nbval-lax --nbval-current-env -m "not thorough" tests notebooks

# What takes seconds a test: whole runs killed, damaged and resumed, two commands at once, searches in shipped models.
test-thorough: .venv/installed
	$(BIN)/python -m pytest -n auto -m thorough tests

train: .venv/installed
	$(BIN)/python train.py $(ARGS)

# All models of the book, or one: make results RUN=mnist-vae-vamp
results: .venv/installed
	$(BIN)/python book/scripts/results.py train $(RUN)

results-figures: .venv/installed
	$(BIN)/python book/scripts/results.py figures

# Test log-likelihoods of the paper's models that are trained, or of one; goes on where it was stopped.
results-likelihood: .venv/installed
	$(BIN)/python book/scripts/results.py likelihood $(RUN)

# The default estimate against quadrature and closed forms: hours; for instance ARGS="--models mnist-vae --images 100"
audit-likelihood: .venv/installed
	$(BIN)/python tests/audit/likelihood.py $(ARGS)

results-check: .venv/installed
	$(BIN)/python book/scripts/results.py check

# Speed of the training steps, for some minutes, on a machine that does nothing else; for the book's page on cost.
benchmark: .venv/installed
	$(BIN)/python tests/benchmarks/train_step.py --record --sizes 1 4 $(ARGS)
	$(BIN)/python book/scripts/step_table.py

# Executes all notebooks anew, or one: make notebooks NAME=01_vae.ipynb
notebooks: .venv/installed
	$(BIN)/python book/scripts/execute_notebooks.py $(NAME)

# The book from the notebooks as they are: nothing is trained or executed.
book: .venv/installed-book
	rm -rf book/_build
	$(BIN)/python book/scripts/vendor_assets.py
	$(MAKE) page-models
	$(BIN)/jupyter-book build . --config book/_config.yml --toc book/_toc.yml --path-output book -q -W -n --keep-going

# What the live page reads, from the trained models; and, with the real images, where these lie in the models' planes.
page-models: .venv/installed
	$(BIN)/python book/live/export.py
	$(BIN)/python book/playground/export_playground.py

page-points: .venv/installed
	$(BIN)/python book/live/points.py

# Launch buttons, links and install cells for a fork: make repository URL=https://github.com/you/fork
repository:
	$(PYTHON) book/scripts/set_repository.py $(URL)

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable ".[test]"
	touch $@

.venv/installed-book: .venv/installed
	$(BIN)/pip install --quiet --editable ".[book]"
	touch $@

# Attacks what is in other people's hands, for up to an hour, and counts what survived; some of it: make audit PART=files
audit: .venv/installed
	$(BIN)/python tests/audit/attack.py $(PART)

clean:
	rm -rf .venv build book/_build *.egg-info
