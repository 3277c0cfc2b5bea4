# Each goal sets up what it needs: .venv from the hash-pinned locks, uv inside it. Needs Python >= 3.11, make and,
# the first time, a package index. Nothing outside this folder is written to but package caches.

PYTHON ?= python3
BIN := .venv/bin
COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links \
	--no-header --python-version 3.11 pyproject.toml
# Compiled once: commands start in half the time, where Python may not write what it compiles too.
INSTALL := VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes
ROOMS := auditstream ingest processor rules wire
PROCESSES := --numprocesses 3 --dist loadfile --no-loadscope-reorder
# Tests for which no lines are counted, which takes up to four times as long: the others reach all that is asked for.
UNCOUNTED := tests/auditstream tests/conformance tests/deploy tests/e2e tests/kafka $(wildcard tests/test_*.py) \
	$(foreach name,any_order evaluators_agree,tests/processor/test_$(name).py) \
	$(wildcard tests/rules/test_library*.py) \
	$(foreach name,any_file growth hostile interpreter strategies,tests/rules/test_$(name).py)

.DEFAULT_GOAL := help
.PHONY: help demo test chaos e2e bench check format lock clean

help:  ## this list
	@grep -hE '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9]+):.*## /  make \1\t/' | expand -t 18

demo: .venv/.run  ## recorded audit events become alerts, here and now
	@$(BIN)/auditstream demo

# What Python compiles is kept, whatever the machine is set to: the suite starts hundreds of commands.
test: export PYTHONDONTWRITEBYTECODE :=
test: .venv/.dev  ## the whole suite, with branch coverage
	$(BIN)/coverage erase
	# More processes than most machines' cores: they often wait. tests/conftest.py says in which order the files come.
	$(BIN)/pytest $(PROCESSES) $(UNCOUNTED)
	$(BIN)/pytest $(PROCESSES) --cov --cov-report= $(addprefix --ignore=,$(UNCOUNTED))
	$(BIN)/coverage report --skip-covered --show-missing --fail-under=100 \
		--include='ingest/*,processor/*,rules/*,wire/*' --omit='processor/stream/*'
	# What runs in a worker that is then killed is not counted.
	$(BIN)/coverage report --skip-covered --show-missing --fail-under=95 --include='processor/stream/*'

chaos: .venv/.dev  ## long outages, workers and brokers killed at random; takes many minutes
	$(BIN)/pytest -m chaos -s

e2e: .venv/.dev  ## the image and docker compose, on this machine's Docker, and a real API server; takes minutes
ifdef KUBE_TESTBED
	$(BIN)/pytest -m "e2e or kube"
else
	@echo "make e2e: the tests against a real API server are left out: KUBE_TESTBED is not set, see CONTRIBUTING.md"
	$(BIN)/pytest -m e2e
endif

bench: .venv/.dev  ## what rules cost, and an event from Kafka to Kafka beside a bare consumer
	$(BIN)/python -m benchmarks.rules
	$(BIN)/python -m benchmarks.kafka_to_kafka

check: .venv/.dev  ## formatting, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/.dev  ## rewrite the code as `make check` wants it
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: .venv/.uv  ## renew requirements/*.txt from pyproject.toml
	$(COMPILE) --upgrade --extra kafka --group dev --output-file requirements/dev.txt
	$(COMPILE) --upgrade --constraints requirements/dev.txt --output-file requirements/run.txt
	$(COMPILE) --upgrade --constraints requirements/dev.txt --extra kafka --output-file requirements/kafka.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
		--python-version 3.11 --group build --upgrade --constraints requirements/dev.txt --output-file requirements/build.txt

clean:  ## remove .venv and caches
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage*

.venv/.uv: requirements/build.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "auditstream needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/build.txt
	@touch $@

.venv/.run: requirements/run.txt pyproject.toml .venv/.uv
	@$(INSTALL) -r requirements/run.txt
	@VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev: requirements/dev.txt .venv/.run
	@$(INSTALL) -r requirements/dev.txt
	@touch $@
