PYTHON ?= python3
VENV ?= .venv
ARGS ?=

BIN = $(VENV)/bin
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes
UV ?= $(BIN)/uv
LOCK = $(UV) pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	--generate-hashes --no-header --no-annotate --no-emit-index-url

.PHONY: help run test lint format bench trials screenshots lock sbom servers clean

help:  ## list the targets (the default)
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' Makefile

run: $(VENV)/run.stamp  ## start the gateway on gateway.yaml; ARGS="--listen 127.0.0.1:8081"
	exec $(BIN)/python -m gateway serve --config gateway.yaml $(ARGS)

test: $(VENV)/test.stamp servers  ## run the whole test suite; ARGS="-k throttle" for a part
	@tools/test.sh $(BIN)/python $(ARGS)

lint: $(VENV)/test.stamp  ## check style and types
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

format: $(VENV)/test.stamp  ## put the code into its format, sort imports
	$(BIN)/python -m ruff check --select I --fix .
	$(BIN)/python -m ruff format .

bench: $(VENV)/test.stamp servers  ## run the benchmarks
	$(BIN)/python bench/run.py $(ARGS)

trials: $(VENV)/test.stamp servers  ## load for minutes, and faults under load; ARGS="--only kill"
	$(BIN)/python -m bench.trials $(ARGS)

screenshots: $(VENV)/test.stamp servers  ## take the pictures of the sign-in page for docs/ anew
	$(BIN)/python -m tests.browser.screenshots

lock: $(VENV)/test.stamp  ## bring requirements/ up to pyproject.toml; ARGS=--upgrade for new versions
	$(LOCK) $(ARGS) --all-extras --group test --group lint --output-file requirements/test.txt
	$(LOCK) --extra all --constraints requirements/test.txt --output-file requirements/all.txt
	$(LOCK) --constraints requirements/test.txt --output-file requirements/run.txt

sbom: $(VENV)/test.stamp  ## list the Python packages of the image in build/sbom.json (CycloneDX)
	@mkdir -p build
	$(BIN)/cyclonedx-py requirements requirements/all.txt --pyproject pyproject.toml \
		--output-reproducible --output-file build/sbom.json

servers:  ## install the real servers that the tests talk to (Debian, Ubuntu)
	@tools/servers.sh

clean:  ## remove the virtual environment and everything else that was made here
	rm -rf $(VENV) build *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache \
		tests/servers/node/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is newer than its lock file when everything in that file is installed.
$(VENV)/%.stamp: requirements/%.txt | $(BIN)/pip
	$(INSTALL) --requirement $<
	@touch $@

# One of the test libraries is built from source, with what comes from Debian.
$(VENV)/test.stamp: | servers

$(BIN)/pip:
	@tools/venv.sh $(PYTHON) $(VENV)
