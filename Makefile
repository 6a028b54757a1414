# Everything below sets itself up: .venv from pyproject.toml and constraints.txt, and Qt's system libraries.

PYTHON ?= python3
MODEL ?= checkpoints/digits

BIN := .venv/bin
READY := .venv/.ready
# Scripts in .venv name the folder they were made in: a copied or renamed checkout needs a new one.
ELSEWHERE := $(if $(shell grep -lsF '$(CURDIR)/$(BIN)/' $(BIN)/pip),,FORCE)

# Without bytecode on the disk every start of the program compiles it anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test check format bench wheel clean libraries FORCE

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(READY) libraries ## Open the program on a shipped model (another: make run MODEL=path)
	@$(BIN)/diffusion-explorer $(MODEL)

test: $(READY) libraries ## Run the tests (some of them: make test ARGS='tests/ui -k timeline')
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest --numprocesses=auto --dist=loadfile $(ARGS)

check: $(READY) ## Lint, formatting, types, and the arrow of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY) ## Format the code and mend what the linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY) libraries ## Measure speed (one measurement: make bench ARGS=NAME)
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m explorer.bench $(ARGS)

train-%: $(READY) ## Train checkpoints/% anew, for example make train-digits
	$(BIN)/diffusion-explorer train $* --out checkpoints/$(subst _,-,$*)

wheel: $(READY) ## Build dist/*.whl
	$(BIN)/python -m pip wheel --no-deps --wheel-dir dist .

clean: ## Remove .venv, caches and builds
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

libraries: $(READY)
	@.ci/system-libraries

$(READY): pyproject.toml constraints.txt $(ELSEWHERE)
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed: make PYTHON=...")'
	$(if $(ELSEWHERE),$(PYTHON) -m venv --clear .venv)
	$(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

FORCE:
