# Each target sets up what it needs: Python and make are enough.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: test train clean

test: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/python -m pytest

train: .venv/installed
	$(BIN)/python train.py $(ARGS)

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable ".[test]"
	touch $@

clean:
	rm -rf .venv build *.egg-info
