# Two commands for a fresh machine: `make mnist` and `make test`. Each sets up its own .venv, with
# uv where it is installed, and is quick the second time.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.DELETE_ON_ERROR:
.PHONY: help mnist test test-peers lint types docs bench results clean

help:
	@echo "make mnist      train the digit recogniser and show how good it is; ARGS='--epochs 3' passes arguments on"
	@echo "make test       run the tests"
	@echo "make test-peers compare every function with PyTorch and JAX, which this installs"
	@echo "make lint       check format and style"
	@echo "make types      check the types"
	@echo "make docs       build the documentation: open site/index.html; no network is needed to read it"
	@echo "make bench      measure speed and memory, an hour; ARGS='step' measures one thing"
	@echo "make results    train the classic networks on all of MNIST, two hours, and write docs/results.md"
	@echo "make clean      remove what the others made"

mnist: $(VENV)/installed-cli
	$(BIN)/python -m tinygrad_mnist train $(ARGS)

test: $(VENV)/installed-test
	$(BIN)/python -m pytest $(ARGS)

test-peers: $(VENV)/installed-peers
	$(BIN)/python -m pytest tests/peers -m peers $(ARGS)

lint: $(VENV)/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/installed-dev
	$(BIN)/mypy

docs: $(VENV)/installed-docs
	$(BIN)/python scripts/list_functions.py
	NO_MKDOCS_2_WARNING=true $(BIN)/python -m mkdocs build --strict --quiet
	@echo "site/index.html is the documentation"

bench: $(VENV)/installed-peers
	$(BIN)/python benchmarks/step.py $(ARGS)

results: $(VENV)/installed-cli
	$(BIN)/python benchmarks/results.py $(ARGS)

clean:
	rm -rf $(VENV) runs site .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache

$(VENV)/installed-cli: EXTRAS := cli
$(VENV)/installed-docs: EXTRAS := docs
$(VENV)/installed-test: EXTRAS := cli,study,docs,test
$(VENV)/installed-peers: EXTRAS := cli,study,test,peers
$(VENV)/installed-dev: EXTRAS := cli,study,test,dev

$(VENV)/installed-%: $(BIN)/python pyproject.toml
	@echo "installing tinygrad-mnist[$(EXTRAS)] into $(VENV)"
	@if command -v uv >/dev/null; then \
	  uv pip install --quiet --python $(BIN)/python --editable '.[$(EXTRAS)]'; \
	else \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$(EXTRAS)]'; \
	fi
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12 ..." >&2; exit 1; }
	@if command -v uv >/dev/null; then uv venv --quiet --python $(PYTHON) $(VENV); \
	else $(PYTHON) -m venv $(VENV); fi
