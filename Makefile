# Two commands do everything: `make demo` and `make test`. Each makes its own virtual environment, .venv.
PYTHON ?= python3
TARGET ?= dev
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo demo-down test bench format lock screenshots clean

demo: $(VENV)/made
	PATH="$(CURDIR)/$(BIN):$$PATH" sh manifests/demo.sh up $(TARGET) $(IMAGE)

demo-down: $(VENV)/made
	PATH="$(CURDIR)/$(BIN):$$PATH" sh manifests/demo.sh down $(TARGET)

test: $(VENV)/made-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python tests/readme.py --check
	$(BIN)/python -m pytest --cov --cov-report= -n auto --dist worksteal
	$(BIN)/coverage report --skip-covered --skip-empty --sort=cover --fail-under=90

bench: $(VENV)/made-dev
	$(BIN)/python benchmarks/run.py
	$(BIN)/python tests/readme.py   # README shows a part of the results

format: $(VENV)/made-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/python tests/readme.py

# The pictures in README; they want the system's Chromium.
screenshots: $(VENV)/made-dev
	$(BIN)/python tests/screenshots.py

# The lock has hashes and no addresses, so that it says what is installed and not from where. Extras stay in it, as pip
# otherwise takes `coverage[toml]` for something that is not pinned once a newer coverage appears.
lock: $(VENV)/made
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	    --no-emit-index-url --no-strip-extras pyproject.toml --output-file requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	    --no-emit-index-url --no-strip-extras --extra dev --constraint requirements.lock pyproject.toml --output-file requirements-dev.lock
	# What builds the package itself, for whoever installs it from a checkout without trust in an index.
	echo hatchling | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	    --no-emit-index-url --no-strip-extras --constraint requirements.lock - --output-file requirements-build.lock

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("mlops needs Python 3.11 or newer; say make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/made: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	$(BIN)/python -m compileall -q reconciler   # so that a start reads no sources, whatever the environment says of bytecode
	touch $@

$(VENV)/made-dev: requirements-dev.lock $(VENV)/made
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.lock
	touch $@

clean:
	rm -rf $(VENV) .mlops .bench .coverage .mypy_cache .ruff_cache .pytest_cache
