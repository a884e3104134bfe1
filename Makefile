# Tillsign: what can be done here. The lines behind ## are the help.
.PHONY: help demo picture docs test quick coverage check chip fuzz bench soak promise format lock clean
.DEFAULT_GOAL := help

export VENV ?= build/venv
# Each of the tests' many processes would compile every module again.
unexport PYTHONDONTWRITEBYTECODE
BIN := $(VENV)/bin
DEVICE := receiver firmware/device
PARALLEL := -n auto --dist worksteal
# Some tests wait for processes: one more of them than cores runs meanwhile.
WAITING := -n $$(($$(nproc) + 1)) --dist worksteal
QUICK := not (processes or crashes or mutants or postgres or random or emulator or chip or curves or patience)
SECONDS := 30
TARGET := all
SALES ?= 200
SEED ?= 20261122
PURCHASES ?= 10000

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

demo: ## Watch one purchase after the other, end to end, with no hardware
	@sh .ci/environment demo
	@$(BIN)/tillsign demo

picture: ## Draw docs/demo.svg anew: one purchase of the demo, for the README
	@sh .ci/environment picture
	@$(BIN)/tillsign demo --sales 1 --svg docs/demo.svg

docs: ## Write the generated parts of docs/*.md anew: diagrams, reasons, metrics, limits
	@sh .ci/environment docs
	@$(BIN)/python -m simulator.tools.generate.docs

test: ## Run every test, on all cores
	@sh .ci/environment test
	@$(BIN)/python -m pytest $(WAITING)

quick: ## Run the tests that take no marker of pyproject.toml: within a minute
	@sh .ci/environment quick
	@$(BIN)/python -m pytest $(PARALLEL) -m '$(QUICK)'

coverage: ## Run every test, and tell which branches none of them takes
	@sh .ci/environment coverage
	@$(BIN)/python -m pytest $(WAITING) --cov --cov-report=term:skip-covered --cov-report=html

check: ## Lint, types (host, then device), and cross-compilation for the chips
	@sh .ci/environment check
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy receiver bridge simulator firmware/tools tests
	@$(BIN)/mypy --config-file .ci/mypy-device.ini $(DEVICE)
	@$(BIN)/python -m firmware.tools.compile build/mpy

chip: ## Sell in the memory of a chip, on QEMU's RISC-V machine, and measure that
	@sh .ci/environment chip
	@$(BIN)/python -m simulator.hardware.rv32
	@$(BIN)/python -m simulator.tools.bench --only memory

fuzz: ## Fuzz every decoder for SECONDS=30 each, or one TARGET=name
	@sh .ci/environment fuzz
	@$(BIN)/python -m pip -qq --disable-pip-version-check --no-input install \
	  --require-hashes --only-binary :all: -r requirements/fuzz.txt
	@$(BIN)/python -m tests.fuzz $(TARGET) --seconds $(SECONDS)

bench: ## Measure, print one table, write build/bench.json
	@sh .ci/environment bench
	@$(BIN)/python -m simulator.tools.bench

soak: ## Sell SALES=200 while everything crashes as SEED=number says, write build/soak.json
	@sh .ci/environment soak
	@$(BIN)/python -m simulator.tools.soak --sales $(SALES) --seed $(SEED)

promise: ## Measure what a buyer waits for, in PURCHASES=10000 of each AIR=shop and PROFILE=ios, or of all
	@sh .ci/environment promise
	@$(BIN)/python -m simulator.tools.promise --purchases $(PURCHASES) --seed $(SEED) --docs docs \
	  $(addprefix --air ,$(AIR)) $(addprefix --profile ,$(PROFILE))

format: ## Bring every file into the one format
	@sh .ci/environment format
	@$(BIN)/ruff check --fix --quiet
	@$(BIN)/ruff format

lock: ## Pin again what pyproject.toml asks for (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --no-header --no-annotate --all-extras pyproject.toml -o requirements/locked.txt
	@awk '/^[^ ]/ { out = /^esptool==/ ? "requirements/esptool.txt" : "build/locked" } \
	  { print > out }' requirements/locked.txt
	@mv build/locked requirements/locked.txt

clean: ## Remove everything that was made here
	rm -rf build
