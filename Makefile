# `make help` lists the targets. Everything made lands in .venv and .cache.
PYTHON ?= python3
BIN := .venv/bin
STEP := .ci/step
# The banner is the theme's advertisement for its successor.
export NO_MKDOCS_2_WARNING := 1
export PIP_NO_INPUT := 1

.DEFAULT_GOAL := help
.PHONY: help demo test accept bench fuzz venv static lint format types types-second imports docs wheel unit wire channels routers streams simulation beside examples \
	conformance other-python other-python-simulation clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

demo: ## the library at work, in half a minute: a supervised pipeline over the standard library survives a random killer
	@.ci/venv .venv $(PYTHON) examples
	@$(BIN)/greenroom demo pipeline --chaos 1

test: venv ## every check; long tests at reduced size
	@$(STEP) "all checks" $(MAKE) --no-print-directory checks

# One after the other, except what minds no company: static checks, tests of the wire codec, of channels, routers and streams, and simulations,
# which run on one thread in virtual time. Of those two run beside each other, each prints its output in one piece, and all of them tell what
# they found.
.PHONY: checks
checks: venv
	@$(BIN)/python -m compileall -q actors supervisors tests  # or, with PYTHONDONTWRITEBYTECODE, each process that a test starts would compile them
	@$(MAKE) --no-print-directory -j2 --keep-going --output-sync=target wire channels routers streams static
	@$(MAKE) --no-print-directory unit
	@$(MAKE) --no-print-directory -j2 --keep-going --output-sync=recurse simulation beside
	@$(MAKE) --no-print-directory other-python

accept: ## the same with the long tests in full
	@GREENROOM_ACCEPT=1 HYPOTHESIS_PROFILE=accept PYTEST_ADDOPTS="--timeout=900" $(MAKE) --no-print-directory test

bench: ## the benchmarks (BENCH_PYTHON=python3.12 or newer to have everything-is-an-actor beside)
	@set -e; .ci/venv .cache/venv-bench "$${BENCH_PYTHON:-$(PYTHON)}" bench constraints-bench.txt; \
	$(STEP) "benchmarks" .cache/venv-bench/bin/python -m tests.benchmarks

fuzz: ## a coverage-guided fuzzer on everything that reads bytes (FUZZ_SECONDS=60)
	@set -e; .ci/venv .cache/venv-fuzz $(PYTHON) fuzz constraints-fuzz.txt; \
	$(STEP) "fuzzing" .cache/venv-fuzz/bin/python -m tests.wire.fuzz --seconds $${FUZZ_SECONDS:-60}

venv:
	@.ci/venv .venv $(PYTHON) dev

static: lint types types-second imports docs wheel

lint: venv ## ruff: format and rules
	@$(STEP) "ruff" sh -c '$(BIN)/ruff format --check . && $(BIN)/ruff check .'

format: venv ## let ruff rewrite what it can
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

types: venv ## mypy, strict
	@$(STEP) "mypy" $(BIN)/mypy

types-second: venv ## basedpyright over tests/typing
	@$(STEP) "basedpyright" $(BIN)/basedpyright

imports: venv ## import-linter: who may import whom
	@$(STEP) "import-linter" $(BIN)/lint-imports --no-cache --no-logo

docs: venv ## build the documentation, strictly
	@$(STEP) "documentation" $(BIN)/mkdocs build --strict --config-file .ci/mkdocs.yml

wheel: venv ## build the wheel, install it elsewhere, use it
	@$(STEP) "wheel" .ci/check-wheel $(PYTHON)

unit: venv ## pytest: warnings are errors, the order is random
	@$(STEP) "pytest" $(BIN)/python -m pytest --ignore=tests/docs --ignore=tests/examples --ignore=tests/simulation --ignore=tests/wire \
		--ignore=tests/channels --ignore=tests/events --ignore=tests/routers --ignore=tests/streams

wire: venv ## pytest over the wire codec
	@$(STEP) "pytest of the wire codec" $(BIN)/python -m pytest tests/wire

channels: venv ## pytest over channels and the event bus
	@$(STEP) "pytest of channels and the event bus" $(BIN)/python -m pytest tests/channels tests/events

routers: venv ## pytest over routers and pools
	@$(STEP) "pytest of routers and pools" $(BIN)/python -m pytest tests/routers

streams: venv ## pytest over streams
	@$(STEP) "pytest of streams" $(BIN)/python -m pytest tests/streams

simulation: venv ## pytest over the simulator
	@$(STEP) "pytest of the simulator" $(BIN)/python -m pytest tests/simulation

# One after the other, beside the simulator's tests.
beside:
	@code=0; for target in conformance examples other-python-simulation; do \
		$(MAKE) --no-print-directory $$target || code=1; done; exit $$code

examples: venv ## run every example and every code block of the documentation
	@$(STEP) "examples and documentation code" $(BIN)/python -m pytest tests/docs tests/examples

conformance: venv ## pykka's own test suite on our actors and futures
	@$(STEP) "pykka's suite" $(BIN)/python .ci/pykka_conformance.py

other-python: venv ## the unit tests on the newest other interpreter
	@$(STEP) "pytest on another interpreter" .ci/other-python $(BIN)/python --ignore=tests/simulation --ignore=tests/supervisors/demo

other-python-simulation: venv
	@$(STEP) "pytest of the simulator on another interpreter" .ci/other-python $(BIN)/python tests/simulation

clean: ## remove everything made
	rm -rf .venv .cache
