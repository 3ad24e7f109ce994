# The two commands to know: `make study` and `make test`. Each sets up all that it needs in $(VENV).
# What a user may set: CONFIG (configuration files of your own), CORES, ARGS (for snakemake or pytest), VENV, PYTHON (3.11
# or later, to make the environment with), KERNELS (of OpenBLAS, for test-kernels).

VENV   ?= .venv
PYTHON ?= python3
CORES  ?= $(shell getconf _NPROCESSORS_ONLN)
ARGS   ?=
CONFIG ?=
# Prescott's runs on every x86_64 and rounds otherwise than those of today's processors; OpenBLAS calls it Katmai, too
KERNELS ?= $(if $(filter x86_64,$(shell uname -m)),Prescott)

# thousands of short Python processes, none of which should compile what another one has
unexport PYTHONDONTWRITEBYTECODE

BIN    := $(VENV)/bin
CONFIGURED = $(if $(CONFIG),--configfile $(CONFIG))
STATUS  = $(BIN)/python workflow/scripts/show_status.py $(CONFIGURED)
READY  := $(VENV)/.ready
PYTEST := $(BIN)/python -m pytest -n $(CORES) --dist worksteal

.PHONY: study smoke status report test test-fast test-all test-kernels test-certificates test-faults test-slurm benchmark check docs site format lock clean help
.DEFAULT_GOAL := help

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

study: $(READY) ## the paper's study, or with CONFIG=my.yaml your own: datasets and figures
	$(BIN)/snakemake --cores $(CORES) $(ARGS) $(CONFIGURED)

smoke: ## the paper's study on a coarse grid, in results/smoke/
	$(MAKE) study CONFIG=config/smoke.yaml

status: $(READY) ## how far a study has come (CONFIG): points done, failed and left, and what is out of date
	$(STATUS) $(ARGS)

report: $(READY) ## report.html among the results of a finished study (CONFIG); opens offline
	$(BIN)/snakemake --report "$$($(STATUS) --folder)/report.html" \
	    --report-stylesheet workflow/report/style.css $(ARGS) $(CONFIGURED)

test: $(READY) ## all but the slow tests: some 10 minutes on 2 cores
	$(PYTEST) -m 'not slow' $(ARGS)

test-fast: $(READY) ## the quick unit tests, with fewer examples each: some 2 minutes on 2 cores
	$(PYTEST) tests/unit -m 'not long and not slow' --hypothesis-profile fast $(ARGS)

test-all: $(READY) ## everything: the slow tests, 5000 mutated configurations, then the four below; hours
	ISAL_FUZZ=5000 $(PYTEST) $(ARGS)
	$(MAKE) test-kernels test-faults test-certificates test-slurm

test-kernels: $(READY) ## the unit tests that compute, with linear algebra as for other processors (KERNELS)
	@test -n "$(KERNELS)" || echo "skipped: no kernel of OpenBLAS is known to run on every $(shell uname -m); give KERNELS"
	for kernel in $(KERNELS); do \
	    export OPENBLAS_CORETYPE=$$kernel; \
	    OPENBLAS_VERBOSE=2 $(BIN)/python -c 'import numpy' && \
	    $(PYTEST) tests/unit -m 'not any_kernel' $(ARGS) || exit 1; \
	done

test-certificates: $(READY) ## values and gaps of 2100 layouts and all carry-overs against 50 digits: some 2 hours of CPU
	ISAL_LAYOUTS=100 $(BIN)/python -m pytest -n $(CORES) -s tests/unit/test_certificates.py -k stated_gap $(ARGS)

test-slurm: $(READY) ## the workflow on a Slurm of this machine (slurm-wlm and munge: tests/slurm/cluster.sh install)
	$(BIN)/python -m pytest tests/slurm --durations=0 $(ARGS)

test-faults: $(READY) ## every fault of docs/faults.md, with 25 kills each of jobs and of snakemake in runs of 200 jobs
	ISAL_KILLS=25 ISAL_KILL_POINTS=200 $(BIN)/python -m pytest tests/workflow/test_faults.py --durations=0 $(ARGS)

benchmark: $(READY) ## the measured claims; prints the table of benchmarks/README.md
	$(BIN)/python benchmarks/run.py

check: $(READY) ## formatters, linters, type checker, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint
	$(BIN)/lint-imports

docs: $(READY) ## the schemas and the key tables of config/README.md, from isal/study/config_keys.py
	$(BIN)/python -m isal.study.config_docs

site: $(READY) ## these documents and a reference of every function as pages, in site/; they open offline
	$(BIN)/sphinx-build --quiet --fresh-env --fail-on-warning --keep-going -b html -c docs/site . site
	@echo "open site/index.html"

format: $(READY) ## put the sources into the form that `make check` asks for
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow

lock: ## renew envs/requirements.txt from pyproject.toml (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	    --upgrade --extra study --extra dev --extra docs --extra slurm --extra progress pyproject.toml --output-file envs/requirements.txt

clean: ## remove the environment; results stay
	rm -rf $(VENV)

$(READY): envs/requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "$(PYTHON) is older than 3.11; run: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r envs/requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@
