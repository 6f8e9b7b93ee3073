# One command each; all of them set up what they need.
PYTHON ?= python3
BIN := .venv/bin
FONTS := /usr/share/fonts/truetype/noto/NotoNaskhArabic-Regular.ttf /usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc

.PHONY: setup demo test check bench screens words lock clean

setup: .venv/.ready

.venv/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Viva Voce needs Python 3.11 or later."; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then apt-get update -q && apt-get install -qy python3-venv; \
	  else echo "Install Debian's python3-venv first: sudo apt install python3-venv"; exit 1; fi; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q --require-hashes -r requirements.lock
	$(BIN)/pip install -q --no-deps --no-build-isolation --editable .
	@ls $(FONTS) >/dev/null 2>&1 \
	|| { [ "$$(id -u)" = 0 ] && apt-get update -q && apt-get install -qy --no-install-recommends fonts-noto-core fonts-noto-cjk; } \
	|| echo "Minutes in Arabic, Chinese and further scripts need fonts: sudo apt install fonts-noto-core fonts-noto-cjk"
	touch $@

# The service on a fresh data folder, with a docket and a hearing in session; Ctrl-C ends it.
demo: setup
	$(BIN)/vivavoce demo

test: check
	tests/tools.sh
	tests/all.sh

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@[ ! -e tests/node_modules/.ready ] || node tests/node_modules/typescript/bin/tsc -p tests/tsconfig.json
	@[ ! -e tests/node_modules/.ready ] || node tests/node_modules/typescript/bin/tsc -p tests/tsconfig.verifier.json

bench: setup
	$(BIN)/python tests/bench/spine.py
	$(BIN)/python tests/bench/timers.py
	$(BIN)/python tests/bench/days.py
	$(BIN)/python tests/bench/relay.py
	$(BIN)/python tests/bench/recording.py
	$(BIN)/python tests/bench/verifying.py
	$(BIN)/python tests/bench/minutes.py
	$(BIN)/python tests/bench/clocks.py --seconds 120

# Pictures of every page and state of the room, to be looked at.
screens: setup
	tests/tools.sh
	$(BIN)/python -m tests.screens out/screens

# What is said on the pages, gathered for translators into frontend/locale.
words: setup
	$(BIN)/python -m frontend.catalogue

# Renews the lock file; needs network and a minute.
lock:
	$(PYTHON) -m venv .venv-lock && .venv-lock/bin/pip install -q uv
	.venv-lock/bin/uv pip compile --universal --generate-hashes --no-header --no-annotate --no-emit-index-url \
	  --extra dev --python-version 3.11 pyproject.toml tests/build.in -o requirements.lock
	rm -rf .venv-lock

clean:
	rm -rf .venv
