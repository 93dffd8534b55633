# The few commands that everyone types. Only Python 3.11 is needed beforehand.

PYTHON ?= python3.11
BIN := .venv/bin
PACKAGES := aether_core aether_api aether_worker aether_tui aether_cli

.PHONY: setup test quick check format clean

setup: .venv/.installed

test: .venv/.tools
	$(BIN)/pytest -q

quick: .venv/.tools
	$(BIN)/pytest -q -m "not slow"

check: .venv/.tools
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/.tools
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv build *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

.venv/bin/pip:
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "Python's venv is missing: apt-get install python3.11-venv" >&2; exit 1; }

.venv/.installed: requirements.lock pyproject.toml | .venv/bin/pip
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

.venv/.tools: requirements-dev.lock .venv/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@
