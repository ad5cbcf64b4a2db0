# Needs Python 3.11 or newer, and make. `make` lists what there is.

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
CORPUS ?= ../shared/extraction/dev
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-header

.DEFAULT_GOAL := help
.PHONY: help run test resilience bench check format lock extraction

help: ## List these commands
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

run: .venv/run ## Serve with a demonstration laboratory: prints a key and a first curl
	@$(BIN)/titer demo --url http://$(HOST):$(PORT)
	@TITER_LOG_FORMAT=$${TITER_LOG_FORMAT:-console} $(BIN)/titer serve --host $(HOST) --port $(PORT)

test: .venv/dev ## Run every test, on SQLite and on PostgreSQL
	$(BIN)/python -m pytest -q -n auto

resilience: .venv/dev ## The crashes, races and faults in full, with their figures: an hour
	$(BIN)/python -m pytest -q --long tests/resilience

bench: .venv/bench ## Measure speed against a bare floor; SMALL=1 for minutes, KEEP=DIR to load once
	$(BIN)/python -m benchmarks $(if $(SMALL),--small) $(if $(KEEP),--keep $(KEEP)) $(BENCH)

check: .venv/dev ## Formatting, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

extraction: .venv/dev ## Tell how well instrument files are read
	@$(BIN)/python tools/extraction_report.py $(if $(wildcard $(CORPUS)),--corpus $(CORPUS))

format: .venv/dev ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: .venv/bin/python ## Renew the lock files; with UPGRADE=1 to the newest versions
	$(PIP) uv
	$(LOCK) $(if $(UPGRADE),--upgrade) --group build -o requirements.lock pyproject.toml
	$(LOCK) $(if $(UPGRADE),--upgrade) --group dev -c requirements.lock -o requirements-dev.lock pyproject.toml
	$(LOCK) $(if $(UPGRADE),--upgrade) --group bench -c requirements-dev.lock -o requirements-bench.lock

# The stamps below are older than their lock only when the lock has changed: then we install.

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Titer needs Python 3.11 or newer: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv .venv

.venv/run: requirements.lock | .venv/bin/python
	$(PIP) --require-hashes -r requirements.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev: requirements-dev.lock .venv/run
	$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@

.venv/bench: requirements-bench.lock .venv/dev
	$(PIP) --require-hashes -r requirements-bench.lock
	@touch $@
