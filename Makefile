# Everything starts from python3 (3.10 or later) and make; `make help` lists what there is.

PYTHON ?= python3
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# uv reads its own variables only: hand pip's on, so that a package mirror set for pip serves here, too.
ifneq ($(PIP_INDEX_URL),)
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif
ifneq ($(PIP_EXTRA_INDEX_URL),)
export UV_INDEX ?= $(PIP_EXTRA_INDEX_URL)
endif

BIN := .venv/bin
UV := $(BIN)/uv
MELTANO := .meltano-venv/bin/meltano

export MELTANO_SEND_ANONYMOUS_USAGE_STATS := false

# Tests start the taps, Meltano and loaders thousands of times: none of them shall compile what it imports anew.
export UV_COMPILE_BYTECODE := 1
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 26

.venv/ready: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo 'This needs Python 3.10 or later: make PYTHON=/path/to/python3' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || \
	  { echo 'This Python cannot make virtual environments. On Debian: apt install python3-venv' >&2; exit 1; }
	@test -x $(UV) || { echo 'making .venv …'; $(PYTHON) -m venv --clear .venv; \
	  sed -n '/^uv==/,/[^\\]$$/p' requirements/dev.txt > .venv/uv.txt; \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .venv/uv.txt; }
	$(UV) pip sync --quiet --python .venv --require-hashes requirements/dev.txt
	$(UV) pip install --quiet --python .venv --no-build-isolation --no-deps --editable .
	@touch $@

.meltano-venv/ready: requirements/meltano.txt | .venv/ready
	@test -x .meltano-venv/bin/python || $(UV) venv --quiet --python $(BIN)/python .meltano-venv
	$(UV) pip sync --quiet --python .meltano-venv --require-hashes requirements/meltano.txt
	@touch $@

.orchestrate-venv/ready: requirements/orchestrate.txt | .venv/ready
	@test -x .orchestrate-venv/bin/python || $(UV) venv --quiet --python $(BIN)/python .orchestrate-venv
	$(UV) pip sync --quiet --python .orchestrate-venv --require-hashes requirements/orchestrate.txt
	@touch $@

.dbt-venv/ready: requirements/dbt.txt | .venv/ready
	@test -x .dbt-venv/bin/python || $(UV) venv --quiet --python $(BIN)/python .dbt-venv
	$(UV) pip sync --quiet --python .dbt-venv --require-hashes requirements/dbt.txt
	@touch $@

.PHONY: demo
demo: .venv/ready .meltano-venv/ready ## load the sandbox's data into DuckDB with Meltano, make the marts with dbt, show both
	$(BIN)/python -m demo

.PHONY: sandbox
sandbox: ## serve both APIs with made-up data on port 8765, for the README's first steps
	$(PYTHON) -m sandbox --port 8765 --env-file output/sandbox.env

.PHONY: wheel
wheel: .venv/ready ## build the wheel into dist/
	$(UV) build --quiet --wheel --no-build-isolation --python $(BIN)/python --out-dir dist

# A process for each core.
PARALLEL := -n auto --dist worksteal
# Leaves out tests that need other programs, whose imports take longer than those of all others together.
ALONE := $(patsubst %,--ignore tests/%,dbt meltano orchestrate pretix)

.PHONY: test
test: lint ## lint, then every test that needs no other program (under three minutes on two cores)
	$(BIN)/python -m pytest $(PARALLEL) $(ALONE)

.PHONY: test-slow
test-slow: .venv/ready ## the tests that take long: faults everywhere, 200 random runs, secrets, memory (ten minutes)
	$(BIN)/python -m pytest $(PARALLEL) $(ALONE) -m slow

.PHONY: reliability
reliability: .venv/ready ## break everything, everywhere, into docs/reliability.md (half an hour)
	$(BIN)/python -m tests.support.faults

.PHONY: test-lowest
test-lowest: .venv/ready ## the tests with the oldest dependencies that pyproject.toml allows
	$(UV) venv --quiet --clear --python $(BIN)/python .cache/lowest
	$(UV) pip sync --quiet --python .cache/lowest --require-hashes requirements/lowest.txt
	$(UV) pip install --quiet --python .cache/lowest --no-deps --editable .
	.cache/lowest/bin/python -m pytest $(PARALLEL) -W 'ignore:Class-scoped fixture' $(ALONE)

# What test-next runs; .ci/run has little time.
TESTS := tests

.PHONY: test-next
test-next: .venv/ready .meltano-venv/ready ## the tests with the newest pre-releases of the SDK and of Meltano
	$(UV) venv --quiet --clear --python $(BIN)/python .cache/next
	$(UV) pip sync --quiet --python .cache/next --require-hashes requirements/dev.txt
	$(UV) pip install --quiet --python .cache/next --no-build-isolation --no-deps --editable .
	$(UV) pip install --python .cache/next --prerelease allow --upgrade-package singer-sdk singer-sdk
	.cache/next/bin/python -m pytest $(PARALLEL) $(ALONE) $(TESTS)
	$(UV) venv --quiet --clear --python $(BIN)/python .cache/next-meltano
	$(UV) pip sync --quiet --python .cache/next-meltano --require-hashes requirements/meltano.txt
	$(UV) pip install --python .cache/next-meltano --prerelease allow --upgrade-package meltano meltano
	@if diff <($(MELTANO) --version) <(.cache/next-meltano/bin/meltano --version); then \
	  echo 'There is no newer Meltano than that of test-meltano.'; \
	else \
	  TESTS_MELTANO=$(CURDIR)/.cache/next-meltano/bin/meltano \
	    .cache/next/bin/python -m pytest -m meltano tests/meltano/test_hub.py tests/meltano/test_state.py; \
	fi

.PHONY: test-pretix
test-pretix: .venv/ready .meltano-venv/ready ## read a real pretix server, installed from PyPI
	$(BIN)/python -m pytest -m "pretix and not pretix_versions"

.PHONY: test-pretix-versions
test-pretix-versions: .venv/ready ## read older versions of pretix, each installed from PyPI
	$(BIN)/python -m pytest -m pretix_versions tests/pretix/test_older_versions.py

.PHONY: test-meltano
test-meltano: .venv/ready .meltano-venv/ready ## meltano run, add and install with real loaders
	$(BIN)/python -m pytest -m meltano

.PHONY: test-orchestrate
test-orchestrate: .venv/ready .meltano-venv/ready .orchestrate-venv/ready ## shards on Dask and Airflow, batches on S3
	$(BIN)/python -m pytest -m orchestrate

.PHONY: test-dbt
test-dbt: .venv/ready .meltano-venv/ready .dbt-venv/ready ## both taps into DuckDB and PostgreSQL, marts of both, held together
	$(BIN)/python -m pytest -m dbt tests/dbt

.PHONY: lint
lint: .venv/ready ## ruff and mypy
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

.PHONY: bench
bench: .venv/ready ## measure the taps beside other tools, into docs/performance.md (an hour)
	$(BIN)/python -m benchmarks

.PHONY: bench-quick
bench-quick: .venv/ready ## the taps and the floor only, on small data (under three minutes)
	$(BIN)/python -m benchmarks --quick

.PHONY: bench-load
bench-load: .venv/ready .meltano-venv/ready ## measure the whole way into databases beside dlt (an hour)
	$(BIN)/python -m benchmarks.load

.PHONY: bench-guard
bench-guard: .venv/ready ## count the instructions of the taps and of the floor (needs valgrind; two minutes)
	$(BIN)/python -m benchmarks.guard

.PHONY: docs
docs: .venv/ready ## write again what is generated: settings and stream tables, hub definitions
	$(BIN)/python -m tools.docs

COMPILE = $(UV) pip compile --quiet --universal --python-version 3.10 --generate-hashes \
  --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command 'make lock'

.PHONY: site
site: .venv/ready ## the pages as a site with search, into .cache/site/html; checks every link
	$(UV) venv --quiet --clear --python $(BIN)/python .cache/site-venv
	$(UV) pip sync --quiet --python .cache/site-venv --require-hashes requirements/site.txt
	$(BIN)/python -m tools.site .cache/site-venv/bin

.PHONY: lock
lock: $(if $(wildcard $(UV)),,.venv/ready) ## resolve the newest dependencies into requirements/*.txt
	$(COMPILE) --upgrade --group dev pyproject.toml -o requirements/dev.txt
	$(COMPILE) --upgrade --resolution lowest-direct --group test pyproject.toml -o requirements/lowest.txt
	$(COMPILE) --upgrade requirements/meltano.in -o requirements/meltano.txt
	$(COMPILE) --upgrade requirements/orchestrate.in -o requirements/orchestrate.txt
	$(COMPILE) --upgrade requirements/dbt.in -o requirements/dbt.txt
	$(COMPILE) --upgrade requirements/site.in -o requirements/site.txt

.PHONY: watch-pretix
watch-pretix: .venv/ready ## compare the streams with the newest pretix on PyPI
	$(UV) venv --quiet --clear --python $(BIN)/python .cache/pretix
	$(UV) pip install --quiet --python .cache/pretix --upgrade pretix
	$(BIN)/python -m tools.watch_pretix .cache/pretix/bin/python

.PHONY: clean
clean: ## remove all that make has built
	find . -name __pycache__ -prune -exec rm -r {} +
	rm -rf .venv .meltano-venv .orchestrate-venv .dbt-venv .meltano .cache dist output/*
