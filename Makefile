# Needs python3 (with venv) and make. Everything is installed into .venv, once, and again when what is
# written in requirements/ or pyproject.toml changes. Elsewhere: make VENV=../env test
VENV ?= .venv
N ?= 10000
WORKERS ?= 2
ARGS ?=

# One thread for each worker: two that share two cores are slower than one.
THREADS := OMP_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1

# Of Sphinx: warnings are errors, and both builders read the pages once.
STRICT := -W --keep-going -n -q -j $(WORKERS) -d docs/_build/doctrees

PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check install --quiet
LISTS := pyproject.toml $(wildcard requirements/*.txt)

.PHONY: help demo test docs fuzz bench quality lint readme dist clean
.DEFAULT_GOAL := help
.NOTPARALLEL:

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 10

demo: $(VENV)/.demo  ## train a small classifier on F1, MCC and a metric typed in, with NumPy alone
	$(PY) -m metricloss demo $(ARGS)

test: $(VENV)/.test  ## the whole suite, with every framework on the CPU
	$(THREADS) $(PY) -m pytest -n $(WORKERS) tests metricloss $(ARGS)

docs: $(VENV)/.docs  ## the documentation site, in docs/_build/html, strictly: a broken link fails
	$(PY) -m sphinx -b doctest $(STRICT) docs docs/_build/doctest
	$(PY) -m sphinx -b html $(STRICT) docs docs/_build/html

fuzz: $(VENV)/.test  ## N=10000 random expressions on every backend
	FUZZ=$(N) $(THREADS) $(PY) -m pytest -n $(WORKERS) tests/test_fuzz.py $(ARGS)

bench: $(VENV)/.test  ## time and memory beside other libraries, in twenty minutes or more; ARGS=--quick: in a minute, not recorded
	$(PY) benchmarks/speed.py $(ARGS)

quality: $(VENV)/.test  ## train nets with every loss on imbalanced sets, in an hour and a half of one core, resumable; ARGS=--quick: in a minute, not recorded
	$(THREADS) $(PY) -m benchmarks.quality --workers $(WORKERS) $(ARGS)
	$(if $(ARGS),,$(THREADS) $(PY) -m benchmarks.quality.learned)

lint: $(VENV)/.lint  ## ruff and mypy
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy metricloss

readme: $(VENV)/.test  ## write the generated parts of README.md again
	$(PY) tests/test_readme.py

dist: $(VENV)/.dist  ## sdist, and from it the wheel, in dist/
	rm -rf dist
	$(PY) -m build

clean:  ## remove .venv and everything else that can be made again
	rm -rf .venv dist docs/_build docs/catalogue .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One stamp for each set of packages; all share the environment.
$(VENV)/.demo: $(LISTS) | $(VENV)/bin/pip
	$(PIP) --constraint requirements/constraints.txt --editable '.[demo]'
	touch $@

$(VENV)/.test: $(LISTS) | $(VENV)/bin/pip
	@echo "Installing every framework (CPU): some minutes the first time"
	$(PIP) --requirement requirements/test.txt --editable '.[demo]'
	$(PIP) --no-deps --requirement requirements/peers.txt --requirement requirements/boosters.txt
	touch $@ $(VENV)/.demo

$(VENV)/.docs: $(LISTS) | $(VENV)/bin/pip
	@echo "Installing what the documentation runs and is built with"
	$(PIP) --requirement requirements/docs.txt --editable '.[demo,report]'
	$(PIP) --no-deps --requirement requirements/boosters.txt
	touch $@ $(VENV)/.demo

$(VENV)/.lint: $(LISTS) | $(VENV)/bin/pip
	$(PIP) --requirement requirements/lint.txt
	touch $@

$(VENV)/.dist: $(LISTS) | $(VENV)/bin/pip
	$(PIP) --constraint requirements/constraints.txt build
	touch $@

# pip is missing, too, where venv gave up half-way (Debian without python3-venv).
$(VENV)/bin/pip:
	python3 -m venv $(VENV)
