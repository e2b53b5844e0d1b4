# GNU make 4 and bash are all this needs; the rest it installs into .venv.
#
#   PYTHON=python3.12 make test   uses that Python, in an environment of its own
#   make test ARGS="-k yaml -x"   hands ARGS to pytest
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
# two pips at once would break one environment; pytest uses all cores by itself
.NOTPARALLEL:
MAKEFLAGS += --no-builtin-rules --no-print-directory

PYTHON ?=
ARGS ?=
VENV := .venv$(if $(PYTHON),-$(notdir $(PYTHON)))
BIN := $(VENV)/bin
PEERS := .venv-peers

.PHONY: help demo test smoke lint format golden bench schema
help: ## this list
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 18

demo: $(VENV)/demo.done .data/flights.done ## run the flagship pipeline here, on the flights of 2013
	$(BIN)/amlshare plan specs/flights.yaml --backend local
	$(BIN)/amlshare submit specs/flights.yaml --backend local

test: $(VENV)/test.done ## all tests; what a machine lacks is skipped, with its reason
	sh tests/install_azurite.sh
	$(BIN)/pytest -n auto -rs $(ARGS)

smoke: $(VENV)/smoke.done ## does the package install, and run a pipeline, on PYTHON?
	$(BIN)/amlshare check specs/path.yaml --backend local
	$(BIN)/amlshare submit specs/path.yaml --backend local --regenerate

lint: $(VENV)/test.done ## style, types and the direction of imports
	failed=
	$(BIN)/ruff check || failed=1
	$(BIN)/ruff format --check || failed=1
	$(BIN)/mypy || failed=1
	$(BIN)/lint-imports || failed=1
	[ -z "$$failed" ]

format: $(VENV)/test.done ## mend the style
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

golden: $(VENV)/test.done schema ## write the golden files anew; look at their diff
	$(BIN)/pytest -n auto --golden $(ARGS)

schema: $(VENV)/test.done ## write the JSON Schema of the language anew
	$(BIN)/amlshare schema > specs/amlshare.schema.json.new
	mv specs/amlshare.schema.json.new specs/amlshare.schema.json

bench: $(VENV)/test.done $(PEERS)/done ## speed and memory, beside snakemake and dvc
	AMLSHARE_PEERS=$(CURDIR)/$(PEERS)/bin $(BIN)/pytest -s tests/benchmarks $(ARGS)

# --- what the above stand on ------------------------------------------------------------------

.data/flights.done: scripts/fetch_flights.py | $(VENV)/demo.done
	$(BIN)/python scripts/fetch_flights.py
	touch $@

$(VENV)/demo.done: pyproject.toml amlshare/__init__.py | $(VENV)/pip.done
	@echo "installing amlshare for the demo into $(VENV) (a minute or two, once)"
	$(BIN)/pip install -qq --editable '.[blob,demo]'
	touch $@

$(VENV)/smoke.done: pyproject.toml amlshare/__init__.py | $(VENV)/pip.done
	$(BIN)/pip install -qq --editable .
	touch $@

$(VENV)/test.done: pyproject.toml amlshare/__init__.py | $(VENV)/pip.done
	@echo "installing amlshare and its tests' needs into $(VENV) (a minute or two, once)"
	$(BIN)/pip install -qq --editable '.[test]'
	touch $@

# the pip that old Pythons bring cannot resolve today's packages
$(VENV)/pip.done:
	@python=$$($(find_python))
	"$$python" -m venv --clear $(VENV)
	$(BIN)/pip install -qq --upgrade pip
	touch $@

$(PEERS)/done: tests/benchmarks/peers.txt
	@python=$$($(find_python))
	"$$python" -m venv --clear $(PEERS)
	$(PEERS)/bin/pip install -qq --upgrade pip
	$(PEERS)/bin/pip install -qq --requirement tests/benchmarks/peers.txt
	touch $@

# prints the first Python that will do: one on PATH may be a shim that names none, or lack venv
define find_python
for python in $(or $(PYTHON),python3 python3.12 python3.11 python3.10); do
  if "$$python" -c 'import sys, venv, ensurepip; sys.exit(not (3, 10) <= sys.version_info < (3, 13))' 2> /dev/null; then
    echo "$$python"; exit
  fi
done
echo "amlshare needs Python 3.10, 3.11 or 3.12 with venv; tried: $(or $(PYTHON),python3 python3.12 python3.11 python3.10)." >&2
echo "Install one (on Debian: apt install python3-venv) or name it: PYTHON=/path/to/python3.11 make ..." >&2
exit 1
endef
