# The targets with a "##" comment are the ones to use; `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev

DATA ?= $(if $(MANIFEST),,data/samples)
# one process more than cores: while one waits for a batch or a page, another works
JOBS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))
# the recipes read these from the environment, so that a path with spaces or quotes stays whole
export DATA MANIFEST CONFIG BUDGET

OPTIONS = $(if $(MANIFEST),--manifest "$$MANIFEST") $(if $(CONFIG),--config "$$CONFIG")
INPUT = $(if $(DATA),"$$DATA")

.PHONY: help setup caption estimate status test check bench large crash cluster mutants fuzz interop lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP) ## make the environment VENV=.venv with the locked packages (once) [PYTHON=]
	@:

caption: $(STAMP) ## caption DATA=folder (or MANIFEST=file.csv) [CONFIG= BUDGET= ARGS=]
	@$(BIN)/captionmill run $(INPUT) $(OPTIONS) $(if $(BUDGET),--budget "$$BUDGET") $(ARGS)

estimate: $(STAMP) ## price DATA= without sending anything [CONFIG= ARGS=]
	@$(BIN)/captionmill estimate $(INPUT) $(OPTIONS) $(ARGS)

status: $(STAMP) ## what is done, what is under way, what it cost [CONFIG= ARGS=]
	@$(BIN)/captionmill status $(if $(CONFIG),--config "$$CONFIG") $(ARGS)

test: $(DEV_STAMP) ## run the tests [JOBS= ARGS=]
	@$(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(ARGS)

check: $(DEV_STAMP) ## check format, lint and types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

bench: $(DEV_STAMP) ## measure speed and memory [ARGS=]
	@$(BIN)/python -m tests.bench.install
	@$(BIN)/python -m tests.bench $(ARGS)

large: $(DEV_STAMP) ## measure a ledger of ten million images, more than an hour and 20 GB [ARGS=]
	@$(BIN)/python -m tests.bench.large $(ARGS)

crash: $(DEV_STAMP) ## kill the program everywhere and check the books, the long way [JOBS= ARGS=]
	@CAPTIONMILL_CRASH=all $(BIN)/python -m pytest -n $(JOBS) -m "long or not long" \
		tests/crash tests/session/test_run_mirror.py tests/scenarios/test_killed_sources.py $(ARGS)

cluster: $(DEV_STAMP) ## hurt a cluster that prepares a bucket, against a run on one machine [ARGS=]
	@$(BIN)/python -m pytest -m "long or not long" tests/engines/test_cluster.py tests/scenarios/test_cluster.py $(ARGS)

mutants: $(DEV_STAMP) ## break the recovery code by hand: each breakage must be found
	@$(BIN)/python -m tests.crash.finding

fuzz: $(DEV_STAMP) ## feed damaged images, manifests and answers for a while [ARGS=]
	@$(BIN)/python -m pytest -m "long or not long" tests/fuzz $(ARGS)

interop: $(DEV_STAMP) ## check the table and the built-in server with other programs [ARGS=]
	@$(BIN)/python -m pytest -m "long or not long" tests/interop $(ARGS)

lock: ## lock the newest packages that pyproject.toml allows (needs uv)
	@bash .ci/lock

clean: ## remove the environment and every cache, never a workspace
	@rm -rf $(VENV) .venv-3.* .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
	@find pipeline tests data -name __pycache__ -type d -prune -exec rm -rf {} +


$(STAMP): .ci/requirements.txt pyproject.toml
	@.ci/setup $(VENV) .ci/requirements.txt
	@touch $@

# the development set contains the other
$(DEV_STAMP): .ci/requirements-dev.txt pyproject.toml
	@.ci/setup $(VENV) .ci/requirements-dev.txt
	@touch $(STAMP) $@
