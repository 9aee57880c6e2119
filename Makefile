# The commands of this repository. Each one makes the virtual environment it needs first, so each may be the very first
# command after a clone. All take ARGS="…"; PYTHON=python3.14 chooses the interpreter of a new environment.

PYTHON ?= python3
VENV ?= .venv
ARGS ?=
# Exact versions; empty means the newest ones that pyproject.toml allows.
CONSTRAINTS ?= constraints.txt

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Two workers: the suite waits for disks and timers more than it computes, and every machine that runs it has two cores.
WORKERS ?= 2
# What `make test-all` runs on: the oldest, the two newest.
VERSIONS ?= 3.11 3.13 3.14

.DEFAULT_GOAL := help
.PHONY: help demo temporal temporal-stop test test-all test-newest check format bench torture differential postgresql postgresql-stop changelog clean

help:  ## show these lines
	@sed -n 's/^\([a-z-]*\):.*##  *\(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

demo: $(READY)  ## run the shop: real orders, durable workflows, balanced books
	@$(BIN)/python -m examples.shop.demo $(ARGS)

test: $(READY)  ## run the whole suite, documentation included
	@scripts/servers/temporal.sh binary >/dev/null || true  # the tests say what is missing, and fail where CI is true
	$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

temporal: $(READY)  ## start a Temporal server on a free port; its address is the last line
	@WEFT_PYTHON=$(BIN)/python scripts/servers/temporal.sh start $(ARGS)

temporal-stop:  ## stop the server that `make temporal` started
	@scripts/servers/temporal.sh stop $(ARGS)

test-all:  ## run the suite on CPython 3.11, 3.13 and 3.14
	@pythons="$$(scripts/pythons.sh $(VERSIONS))" || exit $$?; \
	echo "$$pythons" | while read -r version python; do \
		echo "CPython $$version" >&2; \
		$(MAKE) --no-print-directory test VENV=.venv-$$version PYTHON="$$python" </dev/null || exit $$?; \
	done

test-newest:  ## run the suite on the newest versions that the bounds allow
	@$(MAKE) --no-print-directory test VENV=.venv-newest CONSTRAINTS=

check: $(READY)  ## everything CI judges before the tests, in the order that fails fastest
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/house $(ARGS)
	$(BIN)/pyright --pythonpath $(BIN)/python

format: $(READY)  ## put every file into the one form, mend what can be mended without thought
	$(BIN)/ruff format . $(ARGS)
	$(BIN)/ruff check --fix . $(ARGS)

bench: $(VENV)/.bench  ## measure, beside the peers; ARGS="--only throughput --quick"
	@$(BIN)/python -m benchmarks $(ARGS)

torture: $(READY)  ## kill a market at 10,000 moments and audit what is left; ARGS="--kills 200"
	@$(BIN)/python -m torture $(ARGS)

differential: $(READY)  ## run 1,000 random programs on both engines, which must agree; ARGS="--programs 100"
	@WEFT_PYTHON=$(BIN)/python $(BIN)/python -m differential $(ARGS)

postgresql:  ## start a PostgreSQL for tests on a free port; its URL is the last line
	@scripts/servers/postgresql.sh start

postgresql-stop:  ## stop it and remove its data; ARGS="PID"
	@scripts/servers/postgresql.sh stop $(ARGS)

changelog: $(READY)  ## show what the fragments in changes/ will say
	@$(BIN)/towncrier build --draft $(ARGS)

clean:  ## remove what the commands above made: environments and the tools' caches
	rm -rf .venv .venv-* build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Made once, and again when what it is made from has changed. A half-made environment has no stamp and is made anew.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) scripts/require_python.py
	@test -e $(READY) || rm -rf $(VENV)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "making $(VENV) (once; it takes about a minute)" >&2
	@$(BIN)/python -m pip install --quiet --editable '.[data,temporal,dev]' $(if $(CONSTRAINTS),--constraint $(CONSTRAINTS))
	@touch $(READY)

# The peers that the benchmarks compare weft with.
$(VENV)/.bench: $(READY)
	@echo "adding the peers to $(VENV) (once)" >&2
	@$(BIN)/python -m pip install --quiet --editable '.[bench]' $(if $(CONSTRAINTS),--constraint $(CONSTRAINTS))
	@touch $@
