# make demo, make test and make check do all the set-up themselves, once, in $(VENV).
# Settings: make VENV=folder PYTHON=python3.12 PIP_FLAGS="--index-url ..." test

VENV ?= .venv
PYTHON ?= python3
BIN = $(VENV)/bin
READY = $(VENV)/.ready
READY_DOCS = $(VENV)/.ready-docs

# A Linux machine without an NVIDIA driver, whose pip has no sources of its own, takes the build of torch
# for processors (0.2 GB) instead of the one with CUDA (several GB).
CPU_INDEX = https://download.pytorch.org/whl/cpu
PIP_FLAGS ?= $(shell [ "$$(uname -s)" = Linux ] && ! command -v nvidia-smi >/dev/null \
	&& ! $(PYTHON) -m pip config list 2>/dev/null | grep -Eq 'index-url|find-links' \
	&& echo --extra-index-url $(CPU_INDEX))

.PHONY: help setup demo test guide ray check docs browser clean

help:
	@echo "make demo    train, evaluate and predict on the packaged sample"
	@echo "make test    run the tests (no network, no GPU)"
	@echo "make guide   run every command and number of docs/learn"
	@echo "make ray     run the tests of candidates side by side, with Ray (installed by the first run)"
	@echo "make check   ruff, mypy, layers and sizes"
	@echo "make docs    build the pages into build/docs and check them (no network after the set-up)"
	@echo "make browser look at the pages in Chromium, which must be there (no network after the set-up)"
	@echo "make clean   remove caches and build output; the environment in $(VENV) stays"

setup: $(READY)

# Done again when the project's requirements change.
$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "needs Python 3.11: make PYTHON=python3.12 ...")'
	@echo "Setting up $(VENV): some minutes the first time, nothing afterwards"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet $(PIP_FLAGS) -e ".[dev]"
	@touch $@

demo: $(READY)
	$(BIN)/textwright demo --out build/demo

# A file of tests stays with one worker, as its models are made once; each worker computes with one thread.
test: $(READY)
	$(BIN)/python -m pytest -n auto --dist loadfile

guide: $(READY)
	$(BIN)/python -m pytest -m docs tests/docs --durations=5

ray: $(READY)
	$(BIN)/python -m pip install --quiet $(PIP_FLAGS) -e ".[ray]"
	$(BIN)/python -m pytest -m ray tests/unit/test_choose_cluster.py --durations=5

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python scripts/check_structure.py

$(READY_DOCS): docs/requirements.txt $(READY)
	$(BIN)/python -m pip install --quiet $(PIP_FLAGS) -r docs/requirements.txt
	@touch $@

docs: $(READY_DOCS)
	rm -rf build/docs
	$(BIN)/python -m doctest docs/_extensions/chinese.py
	$(BIN)/python -m sphinx -q -W --keep-going docs build/docs
	$(BIN)/python scripts/check_site.py build/docs

browser: $(READY)
	$(BIN)/python -m pip install --quiet $(PIP_FLAGS) -e ".[browser]"
	$(BIN)/python -m pytest -m browser tests/browser

clean:
	rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find src tests bench scripts docs -name __pycache__ -type d -prune -exec rm -rf {} +
