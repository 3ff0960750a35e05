# Each target sets up what it needs: .venv, the exact versions of constraints.txt, and as root on Debian the peers.
# PYTHON=... chooses the interpreter, TORCH="torch==2.13.0" what is installed first, PYTEST="-k name" narrows a test run.

BIN := .venv/bin
STAMP := .venv/.setup-stamp
QUICK := not slow and not soak and not gpu
TWO := -n 2 --dist loadfile
# Tiny networks lose much to waiting for a second thread; a test that gains by one asks for it.
ONE := OMP_NUM_THREADS=1
DATA := $(firstword $(wildcard $(WETREAD_TEST_DATA) ../shared/data))
STUDY := dicom/udacity__nd320-c3-3d-imaging-starter/data/TestVolumes/Study2
REAL := $(wildcard $(DATA)/$(STUDY))
PYTEST ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all check lint types contracts fast bench constraints clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

setup: $(STAMP) ## the virtual environment and all that the other targets need

$(STAMP): pyproject.toml constraints.txt .ci/setup
	@.ci/setup

demo: setup ## a study goes in, SEG and SR come out at a PACS: the CT phantom, and the real study where test data is found
	@$(BIN)/wetread demo --out demo-out
ifneq ($(REAL),)
	@$(BIN)/wetread demo $(REAL) --out demo-out/real-study
else
	@echo "No test data found (WETREAD_TEST_DATA): the demo on a real study is left out."
endif

test: setup ## the suite, without the markers slow, soak and gpu
	@$(ONE) $(BIN)/python -m pytest -m "$(QUICK)" $(PYTEST)

test-all: setup ## the suite with all markers; what the machine can't do is skipped
	@$(ONE) $(BIN)/python -m pytest $(PYTEST)

check: setup ## format, lint, types, import contracts and fast tests, in under two minutes
	@$(MAKE) --no-print-directory --jobs 2 --keep-going --output-sync=target lint contracts types fast

lint: setup
	@$(BIN)/ruff format --check --quiet . && $(BIN)/ruff check --quiet . && echo "format and lint: good"

contracts: setup
	@$(BIN)/lint-imports > .venv/contracts.txt 2>&1 && tail -n 2 .venv/contracts.txt || { cat .venv/contracts.txt; exit 1; }

types: setup
	@$(BIN)/mypy

fast: setup
	@$(ONE) $(BIN)/python -m pytest tests/unit tests/property tests/contract -m "$(QUICK) and not heavy" -k "not postgres" -q $(TWO) $(PYTEST)

bench: setup ## the benchmarks, each against its peer in the same run
	@$(BIN)/python -m pytest tests/bench -m "" -q -s $(PYTEST)

constraints: setup ## constraints.txt anew, from the ranges in pyproject.toml
	@$(BIN)/uv pip compile pyproject.toml --quiet --all-extras --universal --python-version 3.11 --no-header --no-annotate \
	  --no-emit-package torch --no-emit-package setuptools --output-file .venv/constraints.txt
	@{ sed -n '/^#/p' constraints.txt; grep -vE '^(nvidia-|cuda-|triton)' .venv/constraints.txt; } > .venv/new.txt
	@mv .venv/new.txt constraints.txt

clean: ## remove what was made here, the virtual environment too
	rm -rf .venv build dist demo-out wetread-data .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis *.egg-info
