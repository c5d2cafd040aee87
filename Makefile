# make run    sets everything up and places the first call
# make test   sets everything up and runs every test
# make docs   renews docs/configuration.md from the settings
# make bench  measures on the wire: CALLER=path/to/sip_caller.py [TWILIO_CALLER=PATH]  (see bench/README.md)
# make bench-hearing  what recognisers understand over bad lines: ENGINES="pocketsphinx whisper" [ARGS=...]
# make fuzz   ten million inputs for each parser (four hours), or RUNS=
# make sanitize  the native media module's tests under gcc's sanitizers (two minutes)
# make diagrams  draws docs/state-diagrams.md from the tables of the state machines
# make soak   calls with faults for eight hours, or HOURS= or MINUTES=; half an hour of calls that are refreshed; what is
#             kept while processes are killed 200 times; and the fault tests that take long

VENV   := .venv
PYTHON ?= python3
PIP    := $(VENV)/bin/pip --disable-pip-version-check -qq
SUDO   := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

# The programs that the tests place calls with, and their voices.
PEERS := flite:flite espeak-ng:espeak-ng sipp:sip-tester baresip:baresip-core kamailio:kamailio sipsak:sipsak tcpdump:tcpdump \
    tshark:tshark chromium:chromium chromedriver:chromium-driver linphonec:linphone-cli rtpengine:rtpengine-daemon
# What belongs to them without being a program, below /usr/lib.
PEER_FILES := kamailio/modules/tls.so:kamailio-tls-modules

# The tests start several hundred bots, and without compiled modules each compiles a thousand (a second and a half).
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test lint diagrams docs bench bench-hearing fuzz soak sanitize clean peers page

run: $(VENV)/.runtime page
	@$(VENV)/bin/offhook demo

# What waits for clocks and other processes may fail because the machine was busy: it has a second try, by itself, and
# both are to be seen. What only computes has none.
SECOND_TRY = || { [ $$? = 1 ] && echo "once more, by themselves:" && $(VENV)/bin/pytest --last-failed

test: $(VENV)/.dev page peers lint
	$(VENV)/bin/pytest -m "not alone and not real_time" -n 2 --dist loadfile --no-loadscope-reorder
	$(VENV)/bin/pytest -m real_time -n 4 --dist loadfile --no-loadscope-reorder $(SECOND_TRY) -m real_time; }
	$(VENV)/bin/pytest -m alone $(SECOND_TRY) -m alone; }

lint: $(VENV)/.dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/python -m tests.lint.words

diagrams: $(VENV)/.dev
	$(VENV)/bin/python -m tools.state_diagrams

docs: diagrams
	$(VENV)/bin/python -m offhook.settings.document > docs/configuration.md

BENCH = $(VENV)/bin/python -m bench

bench: $(VENV)/.dev
	$(BENCH) $(if $(CALLER),--caller $(CALLER))
	$(BENCH) sweep --caller $(CALLER) $(if $(TWILIO_CALLER),--twilio-caller $(TWILIO_CALLER))
	$(BENCH) loss --caller $(CALLER)
	$(BENCH) report

ENGINES ?= pocketsphinx
ARGS ?=

# Human speech comes with Debian's pocketsphinx-testdata, downloaded if it is not installed.
bench-hearing: $(VENV)/.dev
	$(VENV)/bin/python -m bench.hearing $(addprefix --engine ,$(ENGINES)) $(ARGS)
	$(VENV)/bin/python -m bench.hearing $(addprefix --engine ,$(ENGINES)) --talkers 1,5,20 $(ARGS)
	$(BENCH) report

RUNS ?= 10000000
FUZZED := rtp rtcp event jitter session twilio websocket sdp sip

fuzz: $(VENV)/.dev
	for target in $(FUZZED); do $(VENV)/bin/python -m fuzz $$target --runs $(RUNS) || exit 1; done

sanitize: $(VENV)/.dev
	$(VENV)/bin/python -m tests.telephony.native.sanitize

HOURS ?= 8
MINUTES ?= $$(( $(HOURS) * 60 ))

soak: $(VENV)/.dev peers
	$(VENV)/bin/python -m bench.soak --minutes $(MINUTES)
	$(VENV)/bin/python -m bench.refreshed_calls --minutes $$(( $(MINUTES) < 30 ? $(MINUTES) : 30 ))
	$(VENV)/bin/python -m bench.kept_records --kills $$(( $(MINUTES) < 40 ? 5 * $(MINUTES) : 200 ))
	$(VENV)/bin/pytest -m soak

$(VENV)/bin/python:
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
	    { $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq --no-install-recommends python3-venv; }
	@$(PYTHON) -m venv $(VENV)

# The build fetches the detector's model and the page's waveform, see build_support/vendored.py.
$(VENV)/.runtime: pyproject.toml $(wildcard build_support/*.py) $(wildcard telephony/native/*.[ch]) | $(VENV)/bin/python
	@echo "setting up $(VENV) (about half a minute)"
	@$(PIP) install --editable '.[local]'
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime
	@$(PIP) install --editable '.[local,g722,opus,apm,twilio,otel,dev]'
	@touch $@

# The live page's waveform, if npm was missing when the package was built.
page:
	@$(PYTHON) build_support/vendored.py page

peers:
	@missing=; for peer in $(PEERS); do \
	    command -v $${peer%%:*} >/dev/null || missing="$$missing $${peer##*:}"; done; \
	for file in $(PEER_FILES); do \
	    ls /usr/lib*/$${file%%:*} /usr/lib*/*/$${file%%:*} 2>/dev/null | grep -q . || missing="$$missing $${file##*:}"; done; \
	[ -z "$$missing" ] || { $(SUDO) apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq --no-install-recommends $$missing; }

clean:
	rm -rf $(VENV) node_modules offhook/web/page/vendor pipeline/vad/model build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
