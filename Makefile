# make run    sets everything up and places the first call
# make test   sets everything up and runs every test
# make bench  measures on the wire: CALLER=path/to/sip_caller.py  (see bench/README.md)

VENV   := .venv
PYTHON ?= python3
PIP    := $(VENV)/bin/pip --disable-pip-version-check -qq
SUDO   := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

# The programs that the tests telephone with.
PEERS := sipp:sip-tester baresip:baresip-core sipsak:sipsak

.PHONY: run test lint bench clean peers

run: $(VENV)/.runtime
	@$(VENV)/bin/offhook demo

test: $(VENV)/.dev peers lint
	$(VENV)/bin/pytest

lint: $(VENV)/.dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

bench: $(VENV)/.dev
	$(VENV)/bin/python -m bench $(if $(CALLER),--caller $(CALLER))

$(VENV)/bin/python:
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
	    { $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq --no-install-recommends python3-venv; }
	@$(PYTHON) -m venv $(VENV)

# silero-vad's wheel carries the model that is needed; its requirement, torch, is not.
$(VENV)/.runtime: pyproject.toml | $(VENV)/bin/python
	@echo "setting up $(VENV) (about half a minute)"
	@$(PIP) install --editable '.[local,espeak]'
	@$(PIP) install --no-deps 'silero-vad>=6,<7'
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime
	@$(PIP) install --editable '.[local,espeak,dev]'
	@touch $@

peers:
	@missing=; for peer in $(PEERS); do \
	    command -v $${peer%%:*} >/dev/null || missing="$$missing $${peer##*:}"; done; \
	[ -z "$$missing" ] || { $(SUDO) apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq --no-install-recommends $$missing; }

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
