# `make help` lists the targets. Everything made lands in .venv and .cache.
PYTHON ?= python3
BIN := .venv/bin
STEP := .ci/step
# The banner is the theme's advertisement for its successor.
export NO_MKDOCS_2_WARNING := 1
export PIP_NO_INPUT := 1

.DEFAULT_GOAL := help
.PHONY: help demo test accept bench fuzz venv static lint format types types-second imports docs wheel unit kernel scheduler \
	supervisors logs wire channels routers streams observe simulation examples conformance other-python clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

demo: ## the library at work, in half a minute: a supervised pipeline over the standard library survives a random killer
	@.ci/venv .venv $(PYTHON) examples
	@$(BIN)/greenroom demo pipeline --chaos 1

test: venv ## every check; long tests at reduced size
	@$(STEP) "all checks" $(MAKE) --no-print-directory checks

# Two at a time: two fifths of the time of the unit tests is waiting for threads and processes. The longest come first, so that both ends meet;
# each prints its output in one piece, and all of them tell what they found.
.PHONY: checks
checks: venv
	@$(BIN)/python -m compileall -q actors supervisors tests  # or, with PYTHONDONTWRITEBYTECODE, each process that a test starts would compile them
	@$(MAKE) --no-print-directory -j2 --keep-going --output-sync=target other-python supervisors simulation kernel examples scheduler logs wire \
		routers streams channels observe static conformance

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

unit: kernel scheduler supervisors logs ## pytest over these four: warnings are errors, the order is random

kernel: venv ## pytest over whatever has no target of its own
	@$(STEP) "pytest of the kernel" $(BIN)/python -m pytest $(addprefix --ignore=tests/,docs examples simulation wire channels events routers streams observe \
		scheduler supervisors logs)

scheduler: venv ## pytest over the scheduler
	@$(STEP) "pytest of the scheduler" $(BIN)/python -m pytest tests/scheduler

supervisors: venv ## pytest over supervisors, machines and demos
	@$(STEP) "pytest of supervisors" $(BIN)/python -m pytest tests/supervisors

logs: venv ## pytest over logs
	@$(STEP) "pytest of logs" $(BIN)/python -m pytest tests/logs

wire: venv ## pytest over the wire codec
	@$(STEP) "pytest of the wire codec" $(BIN)/python -m pytest tests/wire

channels: venv ## pytest over channels and the event bus
	@$(STEP) "pytest of channels and the event bus" $(BIN)/python -m pytest tests/channels tests/events

routers: venv ## pytest over routers and pools
	@$(STEP) "pytest of routers and pools" $(BIN)/python -m pytest tests/routers

streams: venv ## pytest over streams
	@$(STEP) "pytest of streams" $(BIN)/python -m pytest tests/streams

observe: venv ## pytest over what looks into a running system
	@$(STEP) "pytest of observe" $(BIN)/python -m pytest tests/observe

simulation: venv ## pytest over the simulator
	@$(STEP) "pytest of the simulator" $(BIN)/python -m pytest tests/simulation

examples: venv ## run every example and every code block of the documentation
	@$(STEP) "examples and documentation code" $(BIN)/python -m pytest tests/docs tests/examples

conformance: venv ## pykka's own test suite on our actors and futures
	@$(STEP) "pykka's suite" $(BIN)/python .ci/pykka_conformance.py

# Not beside each other: they make one environment.
other-python: venv ## the tests on the newest other interpreter, at a quarter of the size
	@code=0; \
	$(STEP) "pytest on another interpreter" .ci/other-python $(BIN)/python --ignore=tests/simulation --ignore=tests/supervisors/demo || code=1; \
	$(STEP) "pytest of the simulator on another interpreter" .ci/other-python $(BIN)/python tests/simulation || code=1; \
	exit $$code

clean: ## remove everything made
	rm -rf .venv .cache
