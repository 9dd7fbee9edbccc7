# Two-word habits. Each is a plain command that you can also type.
PYTHON ?= .venv/bin/python

.PHONY: help setup test check format cover demo bench clean

help:            ## show this
	@grep -hE '^[a-z]+: .*##' Makefile | sed 's/: *##/\t/'

setup:           ## make .venv with everything for development
	python3 -m venv .venv
	.venv/bin/pip install -e '.[dev]'

test:            ## run the tests
	$(PYTHON) -m pytest

check:           ## lint, types, format
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

format:          ## put the code into form
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

cover:           ## tests with branch coverage, as a page in htmlcov/
	$(PYTHON) -m pytest --cov --cov-report=html --cov-report=term:skip-covered

demo:            ## the whole main job on this machine
	.venv/bin/importer demo

bench:           ## CPU an upload beside curl; python -m benchmarks.throughput and others measure more
	$(PYTHON) -m benchmarks.cpu

clean:           ## remove what the checks leave behind
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis htmlcov .coverage* dist
