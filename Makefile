# The everyday commands. `make app` on a fresh clone is all that a user needs; `make help` lists the rest.
#
# Everything is installed into .venv from exact pins, by pip alone. What has been installed is remembered by the content of the
# pins, so a second run installs nothing, and a pull that changes them installs the change.

PORT ?= 8501
PYTHON ?=
ARGS ?=
DATA ?= ../shared/data/fer2013.zip
VOTES ?= $(wildcard $(dir $(DATA))fer2013new.csv)
TEACHERS ?= compact

comma := ,

VENV := .venv
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
PY := $(BIN)/python$(if $(filter Windows_NT,$(OS)),.exe)

APP_LOCK := requirements-lock.txt
DEV_LOCK := requirements-dev-lock.txt
content = $(firstword $(shell cat $(1) | cksum))
APP_STAMP := $(VENV)/.app-$(call content,$(APP_LOCK))
DEV_STAMP := $(VENV)/.dev-$(call content,$(APP_LOCK) $(DEV_LOCK))

# Wheels only: every pin has one for each system that TensorFlow supports, and on any other, compiling would fail much later.
INSTALL := $(PY) -m pip install --disable-pip-version-check --no-input --only-binary :all:

# True on the Pythons that TensorFlow 2.21 and LiteRT have wheels for.
SUPPORTED := import sys; sys.exit(not ((3, 11) <= sys.version_info[:2] <= (3, 13) and sys.maxsize > 2**32))

.PHONY: help app test test-all check format screenshots reproduce-flagship lock clean chromium
.DEFAULT_GOAL := help

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-18s  %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

app: $(APP_STAMP)  ## Set up and start the app (PORT=8501; PYTHON=/path/to/python3.12 to choose one)
	@$(PY) -m fer detectors --fetch mtcnn >/dev/null || true # some ten seconds, once; without it there is a lesser detector
	@$(PY) -m streamlit run streamlit_app.py --server.port $(PORT)

# A file goes to one process, for what its tests share; in the order of collection, whose last files are short, so that none of the
# processes works on alone. And with byte code, also where the environment says not to write it: its compiling is a large part of each
# of the hundred processes that the tests start.
TEST := -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
test test-all: export PYTHONDONTWRITEBYTECODE :=

test: $(DEV_STAMP) chromium  ## Set up and run the tests but the slow ones (ARGS="-k webcam" passes options to pytest)
	@$(PY) $(TEST) -m "not slow" $(ARGS)

test-all: $(DEV_STAMP) chromium  ## The slow tests as well: half an hour on two cores
	@$(PY) $(TEST) $(ARGS)

check: $(DEV_STAMP)  ## Lint, formatting and types
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy

format: $(DEV_STAMP)  ## Mend what ruff can mend
	$(PY) -m ruff check --fix
	$(PY) -m ruff format

screenshots: $(DEV_STAMP) chromium  ## Take the README's pictures from the running app
	$(PY) -m tools.screenshots

reproduce-flagship: $(APP_STAMP)  ## Train the flagship anew, in hours, or with TEACHERS=gpu in minutes (DATA=fer2013.zip VOTES=fer2013new.csv)
	@$(PY) -m tools.reproduce_flagship --data $(DATA) $(if $(VOTES),--ferplus $(VOTES)) --teachers $(TEACHERS) $(ARGS)

# One resolution for all systems and Pythons; the second set holds the first. Pins move only where they must, or all of
# them with `make lock UPGRADE=1`. --no-config keeps this machine's own indexes and mirrors out.
PIN := -m uv --no-config pip compile --quiet --universal --python-version 3.11 --annotation-style line \
	--custom-compile-command "make lock" --no-emit-index-url --no-emit-find-links $(if $(UPGRADE),--upgrade)
lock: $(DEV_STAMP)  ## Pin the versions anew after a change of requirements*.txt (UPGRADE=1 moves all)
	$(PY) $(PIN) requirements.txt --output-file $(APP_LOCK)
	$(PY) $(PIN) requirements-dev.txt --constraints $(APP_LOCK) --output-file $(DEV_LOCK)

clean:  ## Remove .venv and the tools' caches; workspace/ stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- set-up ---------------------------------------------------------------------------------------------------------------

$(PY):
	@echo "Looking for Python 3.11, 3.12 or 3.13"
	@# Run, not only found: a shim of pyenv is there for versions that are not active, and fails.
	@for python in $(if $(PYTHON),"$(PYTHON)",python3.13 python3.12 python3.11 python3 python); do \
		if "$$python" -c '$(SUPPORTED)' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "No 64-bit Python 3.11, 3.12 or 3.13 answers to $(or $(PYTHON),python3.13$(comma) python3.12$(comma) python3.11 or python3). TensorFlow 2.21 runs on no other." >&2; \
		echo "Here, python3 is: $$(python3 --version 2>&1 | head -n 1)" >&2; \
		echo "Install one (apt install python3 python3-venv; brew install python@3.13; python.org), or name one: make app PYTHON=/path/to/python3.12" >&2; \
		exit 1; \
	fi; \
	if [ "$$("$$found" -c 'import platform, sys; print(sys.platform, platform.machine())')" = "darwin x86_64" ]; then \
		echo "TensorFlow 2.21 and LiteRT have no wheels for Intel Macs, nor for an Intel Python on an Apple one: use an arm64 Python on Apple silicon, Linux or Windows." >&2; \
		exit 1; \
	fi; \
	echo "Making $(VENV) with $$("$$found" --version) ($$("$$found" -c 'import sys; print(sys.executable)'))"; \
	"$$found" -m venv --clear $(VENV) || { \
		rm -rf $(VENV); \
		echo "Python could not make a virtual environment. Debian and Ubuntu pack that apart: apt install python3-venv" >&2; \
		exit 1; \
	}

# Pins that come back (a branch is left, a pull undone) must be installed again, so the stamps of other pins go first.
define fit
@$(PY) -c '$(SUPPORTED)' || { echo "$(VENV) holds $$($(PY) --version), and TensorFlow 2.21 needs 3.11 to 3.13: run make clean first" >&2; exit 1; }
@rm -f $(VENV)/.app-* $(VENV)/.dev-*
endef

# The development pins hold those of the app, so each of the two is one installation.
$(APP_STAMP): | $(PY)
	$(fit)
	$(INSTALL) -r $(APP_LOCK)
	@touch $@


$(DEV_STAMP): | $(PY)
	$(fit)
	$(INSTALL) -r $(DEV_LOCK)
	@touch $(APP_STAMP) $@

# The browser tests drive a Chromium of the system (Playwright's own is no package of any registry). Where none can be installed
# without asking for a password, they are skipped, and say so. The font gives the emoji in the screenshots their colours.
chromium:
	@for name in "$$FER_CHROMIUM" chromium chromium-browser google-chrome google-chrome-stable; do \
		if [ -n "$$name" ] && command -v "$$name" >/dev/null; then exit 0; fi; \
	done; \
	if [ "$$(id -u)" = 0 ]; then root=""; elif sudo -n true 2>/dev/null; then root="sudo -n"; else root=none; fi; \
	if [ "$$root" != none ] && command -v apt-get >/dev/null; then \
		echo "Installing chromium for the browser tests"; \
		$$root apt-get update -qq && \
		$$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-noto-color-emoji >/dev/null && \
		exit 0; \
	fi; \
	echo "No Chromium here and none could be installed: the browser tests will be skipped. To run them: apt-get install chromium, or set FER_CHROMIUM." >&2
