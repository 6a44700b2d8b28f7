# Each target sets up what it needs: Python and make are enough.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: test train results results-check results-figures clean

test: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/python -m pytest

train: .venv/installed
	$(BIN)/python train.py $(ARGS)

# All models of the book, or one: make results RUN=mnist-vae-vamp
results: .venv/installed
	$(BIN)/python book/results.py train $(RUN)

results-figures: .venv/installed
	$(BIN)/python book/results.py figures

results-check: .venv/installed
	$(BIN)/python book/results.py check

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable ".[test]"
	touch $@

clean:
	rm -rf .venv build *.egg-info
