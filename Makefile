# `make` lists the commands. Each one first makes .venv, or brings it up to date; nothing needs root.

.DEFAULT_GOAL := help
.PHONY: help demo up test bench bench-ledger bench-care test-faults faults fuzz overload fix proto lock clean setup oldest lint types imports protocol unit

PYTHON ?= python3
VENV := .venv/bin/python

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  make PYTHON=python3.12 ... chooses the Python (3.11 or later) of a new .venv"

demo: setup ## Play the whole story against a real gateway, and check every claim it prints
	@$(VENV) -m tests.story demo

up: setup ## Leave an exchange running, with one folder per member
	@$(VENV) -m tests.story up

test: setup lint types imports protocol unit ## Lint, types, import rules, generated code, all tests

bench: setup ## Measure the gateway on this machine (QUICK=1: a short run)
	@$(VENV) -m tests.bench $(if $(QUICK),--quick)

bench-ledger: setup ## Make the ledger of 1,000,000 statements that bench keeps in run/ (minutes)
	@$(VENV) -m tests.bench --prepare $(if $(QUICK),--quick)

bench-care: setup ## Measure check, repair, backup, restore and scrub of that ledger (an hour or two)
	@$(VENV) -m tests.bench --care $(if $(QUICK),--quick)

test-faults: setup ## Damage, lose, roll back and kill everything that is kept, every row (minutes)
	@EVERY_FAULT=1 FAULT_ROUNDS=$${FAULT_ROUNDS:-0} $(VENV) -m pytest -n auto --maxprocesses 4 --dist loadfile \
	  tests/care tests/faults tests/ledger/test_stream_faults.py tests/ledger/test_recorder.py \
	  tests/ledger/test_keeper.py tests/compose/test_history.py tests/compose/test_lifecycle.py \
	  tests/witness/test_judging.py

faults: setup ## Kill gateway and nats-server at every step, at more calls and together (minutes)
	@FAULT_ROUNDS=$${FAULT_ROUNDS:-2} $(VENV) -m pytest tests/faults

fuzz: setup ## Try generated input for FUZZ_SECONDS (600), new examples every round
	@end=$$(( $$(date +%s) + $${FUZZ_SECONDS:-600} )); \
	while [ $$(date +%s) -lt $$end ]; do \
	  FUZZ_SCALE=5 $(VENV) -m pytest -q -o faulthandler_timeout=0 tests/fuzz \
	    tests/admission/test_any_history.py || exit 1; \
	done

overload: setup ## Hand in twice what it can take, and report what became of it (SECONDS=30)
	@$(VENV) -m tests.faults.overload --seconds $(or $(SECONDS),30)

fix: setup ## Format, and mend what the linter can
	@$(VENV) -m ruff format
	@$(VENV) -m ruff check --fix

proto: setup ## Generate proto/gen from the protocol files
	@$(VENV) .make/generate.py
	@$(VENV) .make/comments.py

lock: oldest ## Resolve the dependencies anew into both lock files
	@$(PYTHON) .make/bootstrap.py lock

clean: ## Remove .venv, caches and what a run left
	rm -rf .venv build dist run .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

setup:
	@$(VENV) .make/bootstrap.py current 2>/dev/null || { \
	  $(MAKE) --no-print-directory oldest && $(PYTHON) .make/bootstrap.py; }

# The one check that must also run on a Python too old to read the scripts.
oldest:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "There is no $(PYTHON): install Python 3.11 or later, or name one (make PYTHON=python3.12 ...)." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; v = "%d.%d" % sys.version_info[:2]; \
	  sys.exit(0 if sys.version_info >= (3, 11) else "$(PYTHON) is Python " + v + \
	  ": Forewarn needs 3.11 or later, so name one (make PYTHON=python3.12 ...).")'

lint: setup
	@$(VENV) -m ruff check
	@$(VENV) -m ruff format --check

types: setup
	@$(VENV) -m mypy

imports: setup
	@$(VENV) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'

protocol: setup
	@cd proto && ../.venv/bin/buf lint
	@$(VENV) .make/generate.py --check
	@$(VENV) .make/comments.py --check

unit: setup
	@$(VENV) -m pytest -n auto --maxprocesses 4 --dist loadfile
