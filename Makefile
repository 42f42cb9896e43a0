# Everything a person runs. `make help` lists it.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Where pip finds the CPU build of torch; empty: what pip finds by itself, else the PyTorch project's CPU index.
TORCH_INDEX ?=
export SPECTREMOR_SHARED ?= $(abspath ../shared)

# Budget of `make reproduce`: simulations (and minutes after which no more are begun; empty: without end), and minutes for
# each of its six trainings. DEVICE=cuda simulates on a GPU and trains for one; a training uses a GPU wherever there is one.
DEVICE ?= cpu
N ?= 2000
DATA_MINUTES ?=
MINUTES ?= 240
WORKERS ?= $(if $(filter cuda,$(DEVICE)),12,2)
REPRODUCE ?= reproduced

.PHONY: help setup lock demo docs lint test test-full reproduce clean
help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(READY)  ## make .venv with everything pinned by requirements.lock (quick when it is there)
$(READY): requirements.lock pyproject.toml scripts/setup.sh
	@PYTHON="$(PYTHON)" VENV="$(VENV)" TORCH_INDEX="$(TORCH_INDEX)" bash scripts/setup.sh

lock:  ## resolve pyproject.toml afresh and rewrite requirements.lock
	@PYTHON="$(PYTHON)" TORCH_INDEX="$(TORCH_INDEX)" bash scripts/lock.sh

demo: setup  ## the main job on the example geology and source: a NetCDF wavefield, a figure, a table
	@$(BIN)/python scripts/demo.py --out demo_output

docs: setup  ## the documentation as a site, in build/docs; links are checked, nothing is fetched
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build
	@echo "build/docs/index.html"

lint: setup  ## ruff, mypy, import contracts, pre-commit hooks
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/pre-commit run --all-files

test: lint  ## lint and all tests that take little time
	@$(BIN)/python -m pytest -m "not slow and not long" -n 2 --dist worksteal

test-full: setup  ## the long and the slow tests: notebooks, the site, browser, kills, wheel in an empty environment
	@$(BIN)/python -m pytest -m "long and not slow" -n 2 --dist worksteal
	@$(BIN)/python -m pytest -m slow

reproduce: setup  ## data, training and results from seeds; N=2000 MINUTES=240 WORKERS=2 DEVICE=cpu; stopped, the same command goes on
	@PATH="$(abspath $(BIN)):$$PATH" N=$(N) MINUTES=$(MINUTES) WORKERS=$(WORKERS) DEVICE=$(DEVICE) DATA_MINUTES=$(DATA_MINUTES) OUT=$(REPRODUCE) bash scripts/reproduce.sh

clean:  ## remove what was made here
	rm -rf $(VENV) build dist demo_output .pytest_cache .mypy_cache .ruff_cache .hypothesis
