# One command each; all of them set up what they need.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup demo test check bench screens lock clean

setup: .venv/.ready

.venv/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Viva Voce needs Python 3.11 or later."; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then apt-get update -q && apt-get install -qy python3-venv; \
	  else echo "Install Debian's python3-venv first: sudo apt install python3-venv"; exit 1; fi; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q --require-hashes -r requirements.lock
	$(BIN)/pip install -q --no-deps --no-build-isolation --editable .
	touch $@

# Conducts a whole hearing with synthetic participants on a fresh data folder, then verifies its record.
demo: setup
	@echo "A hearing is conducted: four participants, twenty seconds on the record."
	@package=$$($(BIN)/vivavoce rehearse --seconds 20 --participants 4 --out out | tail -n 1) && \
	  $(BIN)/vivavoce verify --trust out/trust.json "$$package" && echo "The record is $$package"

test: check
	tests/tools.sh
	$(BIN)/pytest

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup
	$(BIN)/python tests/bench/spine.py
	$(BIN)/python tests/bench/relay.py

# Pictures of every page and state of the room, to be looked at.
screens: setup
	tests/tools.sh
	$(BIN)/python -m tests.screens out/screens

# Renews the lock file; needs network and a minute.
lock:
	$(PYTHON) -m venv .venv-lock && .venv-lock/bin/pip install -q uv
	.venv-lock/bin/uv pip compile --universal --generate-hashes --no-header --no-annotate --no-emit-index-url \
	  --extra dev --python-version 3.11 pyproject.toml tests/build.in -o requirements.lock
	rm -rf .venv-lock

clean:
	rm -rf .venv
