# make demo   restores an example picture; prints the path of a figure
# make app    serves the page at http://127.0.0.1:7860
# make test   runs the tests
# make lint   checks the style and the types
# make docs   builds the documentation site in build/site, without network
# make notebooks   runs the notebooks with few steps; STEPS=full runs all steps. The site shows the pictures
# All of them use .venv, which is made on the first call. PYTHON=... chooses its Python.

.PHONY: demo app test lint docs notebooks clean
.DELETE_ON_ERROR:

VENV := .venv
PYTHON ?=
IS_USABLE := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))

export PIP_DISABLE_PIP_VERSION_CHECK := 1

demo: $(VENV)/.has-video
	@$(VENV)/bin/python -m brgm_tf.reconstruct --flagfile=inpaint.cfg --input_kind=clean --output_dir=results/demo

app: $(VENV)/.has-app
	@$(VENV)/bin/python -m brgm_tf.app

# In three rounds, quick tests first, because TensorFlow keeps the programs that a process compiles.
ROUND_2 := $(addprefix tests/,posterior estimators training pipeline cli tools)
PYTEST = $(VENV)/bin/python -m pytest -q -n auto --maxprocesses=4 --dist=worksteal
# Every worker and every process of a test would compile the modules again without bytecode.
test: export PYTHONDONTWRITEBYTECODE :=
# There is a worker for each core, and waiting threads of TensorFlow would take time from the others.
test: export TF_NUM_INTRAOP_THREADS := 1
test: $(VENV)/.has-test
	@$(PYTEST) -m 'not weights and not slow' $(addprefix --ignore=,$(ROUND_2))
	@$(PYTEST) -m 'not weights and not slow' $(ROUND_2)
	@$(PYTEST) -m 'weights or slow' tests

lint: $(VENV)/.has-lint
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy

docs: $(VENV)/.has-docs
	@$(VENV)/bin/python -m sphinx -q -W --keep-going -c docs/_site -d build/doctrees . build/site
	@echo build/site/index.html

STEPS := few
notebooks: $(VENV)/.has-docs
	@$(VENV)/bin/python tools/run_notebooks.py --steps=$(STEPS)

clean:
	rm -rf $(VENV) build *.egg-info

# The install is editable, so that only a change of the requirements asks for a new one.
$(VENV)/.has-%: $(VENV)/.created pyproject.toml setup.py
	@echo "installing brgm_tf[$*] into $(VENV) (once; TensorFlow is large)"
	@$(VENV)/bin/python -m pip install -qq -e '.[$*]'
	@touch $@

# A python3.x on the PATH may be a shim that only prints an error: each one is tried.
$(VENV)/.created:
	@for python in $(PYTHON) python3.12 python3.11 python3 python; do \
	    if $$python -c '$(IS_USABLE)' >/dev/null 2>&1; then \
	        $$python -m venv $(VENV) && touch $@; exit; \
	    fi; \
	done; \
	echo "make: no working Python 3.11 or 3.12 with venv found; give PYTHON=/path/to/python" >&2; \
	exit 1
