.DEFAULT_GOAL := help
PYTHON ?= python3
# More than there are cores: much of a test's time is waiting for servers that do not answer.
WORKERS ?= $(shell $(PYTHON) -c "import os; print(2 * (os.cpu_count() or 1))")
BIN := .venv/bin

.PHONY: help demo test prove check bench soak audit sbom lock clean

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z.]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/.installed ## run the whole bot against a local stand-in for Slack and a local mail server
	@$(BIN)/email-profile-bot demo

# Where the environment forbids it, every worker and every program that tests start would compile all anew.
test prove: export PYTHONDONTWRITEBYTECODE :=

test: .venv/.dev ## run the tests, in parallel
	$(BIN)/pytest -n $(WORKERS) --dist worksteal

prove: .venv/.dev ## run the same tests at their full counts
	PROVE=1 $(BIN)/pytest -n $(WORKERS) --dist worksteal --timeout 1800

check: .venv/.dev ## lint, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.dev ## measure everything, or what BENCH names: make bench BENCH="files load"
	$(BIN)/python -m tests.benchmarks $(BENCH)

soak: .venv/.dev ## run one process for twenty minutes while its sockets fail, and judge it
	$(BIN)/python -m tests.soak

# What it found is on standard output; when there is nothing, it could not ask.
audit: .audit/.installed ## ask whether faults are known of what is installed; says so when nobody can be asked
	@found=$$(.audit/bin/pip-audit -r requirements.txt $(AUDIT)) && exit 0; \
	test -z "$$found" || { echo "$$found"; exit 1; }; \
	echo "Nobody could be asked, as said above: of faults nothing is known."

AUDIT := -r requirements-otel.txt --require-hashes --disable-pip --progress-spinner off

sbom: .audit/.installed ## list what the program is made of in sbom.json, in CycloneDX
	@.audit/bin/python -W ignore::UserWarning -m cyclonedx_py requirements requirements.txt --pyproject pyproject.toml --output-reproducible -o sbom.json
	@echo "sbom.json lists $$(grep -c '"bom-ref": "requirements' sbom.json) packages."

lock: .venv/.dev ## resolve the dependencies afresh into the lock files
	$(BIN)/uv pip compile pyproject.toml --group build $(LOCK) -o requirements.txt
	$(BIN)/uv pip compile --group otel $(LOCK) -c requirements.txt -o requirements-otel.txt
	$(BIN)/uv pip compile pyproject.toml --group build --group dev $(LOCK) -c requirements.txt -c requirements-otel.txt -o requirements-dev.txt
	$(BIN)/uv pip compile --group audit $(LOCK) -c requirements.txt -c requirements-otel.txt -c requirements-dev.txt -o requirements-audit.txt

LOCK := --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --no-strip-extras

clean: ## remove what was built and installed
	rm -rf .venv .audit sbom.json build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage htmlcov

.venv: .venv/.installed ## install the program into .venv

# The stamp comes last, so that an installation cut short is begun again. It says what it does and how long it took.
.venv/.installed: requirements.txt pyproject.toml
	@echo "Installing $$(grep -c == requirements.txt) packages into .venv, each checked by its hash: once, for about a minute."
	@mkdir -p .venv && date +%s > .venv/.begun
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@echo "Installing the program itself."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@echo "Installed in $$(($$(date +%s) - $$(cat .venv/.begun))) seconds."
	@touch .venv/.installed

.venv/.dev: .venv/.installed requirements-dev.txt
	@echo "Installing what development needs beside it: once, for about another minute."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch .venv/.dev

# Apart from the program: what looks at an installation does not belong to it.
.audit/.installed: requirements-audit.txt
	@echo "Installing what audits the program, into .audit: once, for about half a minute."
	@$(PYTHON) -m venv .audit
	@.audit/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-audit.txt
	@touch .audit/.installed
