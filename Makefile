# All verbs of the project. `make` alone lists them.
PYTHON ?= python3
HOST   ?= 127.0.0.1
PORT   ?= 8000
ARGS   ?=

VENV  := .venv
BIN   := $(VENV)/bin
READY := $(VENV)/.ready

# What the scripts of the pages are built from, and what tells that they were.
FRONTEND := package.json package-lock.json .npmrc requirements-node.lock $(shell find webapp/frontend -type f)
BUILT    := webapp/static/built/manifest.json

.DEFAULT_GOAL := help
.PHONY: help setup serve test test-engines test-clusters bench cluster check build lint docs screenshots messages lock wheel clean

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

serve: setup ## check, build and serve at http://HOST:PORT/ (PORT=8000 HOST=127.0.0.1)
	@exec $(BIN)/kg serve --host $(HOST) --port $(PORT) $(ARGS)

test: setup ## run all tests (ARGS='-k crash' for some)
	@$(BIN)/python -m pytest $(ARGS)

test-engines: $(READY) ## run the tests on other people's engines (Oxigraph server, Virtuoso, Fuseki)
	@$(BIN)/python -m pytest --engines tests/engines tests/contract tests/deploy $(ARGS)

test-clusters: $(READY) ## run the tests on clusters of engines (Fuseki behind Apache Kafka, Halyard on HBase)
	@$(BIN)/python -m pytest --clusters tests/engines $(ARGS)

bench: $(VENV)/.bench ## ask ours and other engines the same (ARGS='mix cold hot --triples 1000000 --rounds 5')
	@$(BIN)/python -m bench.run $(ARGS)

$(VENV)/.bench: $(READY) requirements-bench.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.lock
	@touch $@

cluster: $(READY) ## three replicas behind nginx at http://127.0.0.1:8100/
	@exec deploy/nginx/cluster.sh

check: $(READY) ## check the sources: each finding with file, line and remedy
	@$(BIN)/kg check

build: $(READY) ## build a release from the sources
	@$(BIN)/kg build

lint: setup ## ruff, mypy and tsc
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check bench kg webapp tests
	@$(BIN)/mypy
	@if [ -d node_modules ]; then PATH="$(CURDIR)/$(BIN):$$PATH" npm run --silent check; fi

docs: $(READY) ## write the generated parts of docs/ anew
	@UPDATE_DOCS=1 $(BIN)/python -m pytest tests/test_docs.py

messages: $(READY) ## bring the messages of code and templates into webapp/translations/*.po
	@$(BIN)/python -m webapp.messages

screenshots: setup ## take the screenshots of the README anew, of a server at http://HOST:PORT/
	@$(BIN)/python docs/screenshots.py http://$(HOST):$(PORT)/

wheel: setup ## build the wheel and the source archive into dist/
	@$(BIN)/python -m build --no-isolation

# uv resolves for every platform and Python at once, and writes no registry address into the file.
lock: $(READY) ## resolve the dependencies anew into requirements.lock
	@$(BIN)/python -m pip install --quiet 'uv>=0.8'
	@env -u UV_FIND_LINKS $(BIN)/uv pip compile pyproject.toml --extra dev --extra engines --extra s3 --extra kafka --universal --python-version 3.11 \
		--generate-hashes --no-annotate --no-header --no-emit-package pip --quiet --upgrade \
		--output-file requirements.lock
	@env -u UV_FIND_LINKS $(BIN)/uv pip compile pyproject.toml --extra bench --universal --python-version 3.11 \
		--constraint requirements.lock --generate-hashes --no-annotate --no-header --no-emit-package pip --quiet --upgrade \
		--output-file requirements-bench.lock
	@env -u UV_FIND_LINKS $(BIN)/uv pip compile --group node --universal --python-version 3.11 \
		--generate-hashes --no-annotate --no-header --quiet --upgrade --output-file requirements-node.lock
	@PATH="$(CURDIR)/$(BIN):$$PATH" npm install --package-lock-only --ignore-scripts

setup: $(READY) $(BUILT) ## set up .venv and build the scripts of the pages (the other verbs do so when they need it)

# The scripts make the pages better and are not needed: where their packages cannot be had, that is said and
# tried again the next time. A Node.js of this machine is used if it is new enough, or else one from a wheel.
$(BUILT): $(READY) $(FRONTEND)
	@PATH="$(CURDIR)/$(BIN):$$PATH"; \
	node -e 'process.exit(process.versions.node.split(".")[0] < 20)' 2>/dev/null && npm --version >/dev/null 2>&1 || \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-node.lock; \
	if npm ci --ignore-scripts --silent; then \
		echo "Building the scripts of the pages …"; npm run --silent build; \
	else \
		echo "make: npm packages cannot be had; the pages will have no scripts, and work without them" >&2; \
	fi

# Debian's python3 comes without ensurepip unless python3-venv is installed; where pip is there, it can stand in.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "make: Python 3.11 or later is needed; name one with PYTHON=…" >&2; exit 1; }
	@if ! $(PYTHON) -m venv $(VENV) >/dev/null 2>&1; then \
		rm -rf $(VENV); \
		{ $(PYTHON) -m venv --without-pip $(VENV) && \
		  $(PYTHON) -m pip --python $(BIN)/python install --quiet pip; } 2>/dev/null || { \
			rm -rf $(VENV); \
			echo "make: $(PYTHON) cannot make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv" >&2; \
			exit 1; }; \
	fi
	@echo "Setting up $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

clean: ## remove what was made (.venv, dist, caches; releases in var/ stay)
	rm -rf $(VENV) dist build .mypy_cache .pytest_cache .ruff_cache
