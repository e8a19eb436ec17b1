# The one entrance. `make` alone lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
AUDIT := .build/audit
SBOM := .build/sbom
STACK ?= dev
# Test processes at once: more than the cores, since some tests wait; each may hold half a gigabyte.
JOBS ?= 4
COUNT ?= 1000000
LOCKS := requirements requirements-uv requirements-ops handlers/requirements requirements-dev bench/requirements requirements-audit tests/oldest/requirements

# The certificates that the machine trusts, a company's proxy's among them, not only uv's own.
export UV_SYSTEM_CERTS ?= true

# An f-string over a Pulumi Output is an error, not "<Output object at 0x…>" in a policy.
export PULUMI_ERROR_OUTPUT_STRING := true

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# The machine's pip only installs uv; uv installs the locked environment. A set-up that fails leaves
# no environment; one that was killed has no .ready, so the next call starts again.
$(READY): requirements-uv.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed, $(PYTHON) is $$($(PYTHON) --version 2>&1): set PYTHON=…"; exit 1; }
	@echo "Setting up $(VENV) …"
	@$(PYTHON) -m venv --clear $(VENV) \
		&& $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements-uv.txt \
		&& $(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements-dev.txt \
		|| { rm -rf $(VENV); echo "The set-up failed; $(VENV) is removed again. The reason is above."; exit 1; }
	@touch $@

setup: $(READY) ## Make the virtual environment (the other targets do it when needed)

demo: $(READY) ## Run the whole pipeline on this machine and watch files go through it
	@$(BIN)/python -m local demo

serve: $(READY) ## Keep the local pipeline running, for the AWS command line, boto3 and `python -m ops`
	@$(BIN)/python -m local serve --port 4566 --outputs outputs.json --stack $(STACK)

test: $(READY) ## Run the tests
	@$(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal -m "not long and not bombs and not end_to_end and not network and not java"

end-to-end: $(READY) ## `demo`, `serve` and each of the operator's commands, as users run them
	@$(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile -m "end_to_end and not long"

bombs: $(READY) ## Hostile, mutated and large files
	@$(BIN)/python -m pytest -q -n 2 --dist worksteal -m "bombs and not long" tests/handlers/transform/test_bombs.py \
		tests/handlers/transform/test_fuzz.py tests/handlers/test_budgets.py tests/local/commands/test_transform.py \
		tests/handlers/bundles/test_fuzz.py tests/handlers/archive/test_bundle_budgets.py tests/ops/archive/test_bundles.py

serde: $(READY) ## The SerDe of the tables reads outputs as DuckDB does (needs Java 17 and Maven)
	@$(BIN)/python -m pytest -q -m java tests/serde

test-long: $(READY) ## Run the exhaustive tests: 1 GB files, a million mutated inputs (an hour or so)
	@$(BIN)/python -m pytest -q -m long --timeout 7200

test-oldest: tests/oldest/.venv/.ready ## Run the functions' tests with the oldest boto3 that they take
	@tests/oldest/.venv/bin/python -m pytest -q --noconftest -n $(JOBS) --dist worksteal -m "not long" $(BY_BOTO3)

# The tests of the functions in which botocore, or moto behind it, has a say.
BY_BOTO3 := $(addprefix tests/, $(addsuffix .py, \
	$(addprefix handlers/test_, data_archiver data_processor) \
	$(addprefix handlers/aws/test_, messages objects operations service_models) \
	$(addprefix handlers/delivery/test_, protocol staging) \
	proof/test_memory contracts/test_permissions))

tests/oldest/.venv/.ready: tests/oldest/requirements.txt | $(READY)
	@$(PYTHON) -m venv --clear tests/oldest/.venv \
		&& $(BIN)/uv pip sync --quiet --python tests/oldest/.venv/bin/python --require-hashes $< \
		|| { rm -rf tests/oldest/.venv; exit 1; }
	@touch $@

fuzz: $(READY) ## A million mutated files through the transform (COUNT=1000000)
	@$(BIN)/python -m tests.handlers.transform.fuzz --count $(COUNT)

crash: $(READY) ## Kill, fail and time out both functions at every AWS call
	@$(BIN)/python -m tests.proof.crash

interleavings: $(READY) ## Every order of the calls of two workers (some minutes)
	@$(BIN)/python -m tests.proof.interleavings

storms: $(READY) ## Duplicated, foreign, malformed and lost events, and churn: 10,000 sequences, 2,000 pipelines
	@$(BIN)/python -m pytest -q -s tests/proof/test_storms.py tests/proof/test_reconciliation.py tests/proof/test_churn.py

mutants: $(READY) ## Seed bugs, one at a time, and see that the tests notice each (NAMES=…: some)
	@$(BIN)/python tests/mutants/run.py --jobs $(JOBS) $(NAMES)

bench: bench/.venv/.ready ## Measure against pandas, polars, DuckDB, awswrangler (LARGE=1: 1 GB too, an hour)
	@bench/.venv/bin/python -m bench run $(if $(LARGE),--large)

# A separate environment for what the other targets do not need. It is complete and checked against
# its lock, or absent.
bench/.venv/.ready: bench/requirements.txt | $(READY)
$(AUDIT)/.ready: requirements-audit.txt | $(READY)
bench/.venv/.ready $(AUDIT)/.ready:
	@$(PYTHON) -m venv --clear $(@D) \
		&& $(BIN)/uv pip sync --quiet --python $(@D)/bin/python --require-hashes $< \
		&& $(BIN)/python -m tests.contracts.locks $< $(@D) \
		|| { rm -rf $(@D); exit 1; }
	@touch $@

check: check-style coverage ## Run all checks: style, types, import direction, tests with coverage

check-style: style types imports

style: $(READY) ## Check style and formatting
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(READY) ## Check types, strictly
	@$(BIN)/basedpyright

imports: $(READY) ## Check the direction of imports between the packages
	@$(BIN)/lint-imports

coverage: $(READY) ## Run the tests and measure what they cover
	@$(BIN)/coverage erase
	@$(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal -m "not long and not network and not java" --cov --cov-report=term:skip-covered

docs: $(READY) ## Write the parts of README and docs that code makes (tables, helps, policies)
	@$(BIN)/python -m tests.contracts.pages

format: $(READY) ## Format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

preview: pulumi-cli $(READY) ## Show what `pulumi up` would change, held to the controls (STACK=dev)
	pulumi preview --stack $(STACK) --policy-pack policy

up: pulumi-cli $(READY) ## Deploy the stack (STACK=dev)
	pulumi up --stack $(STACK)

smoke: $(READY) ## Send a small file of each format through the deployed stack (STACK=dev)
	@$(BIN)/python -m ops smoke --stack $(STACK)

pulumi-cli:
	@command -v pulumi >/dev/null || { echo "Deploying needs the Pulumi CLI, which is not on the PATH: install it from https://www.pulumi.com/docs/iac/download-install/." >&2; exit 1; }

# Each lock's first lines say how it was made: Renovate makes it anew by them.
lock: $(READY) ## Lock the requirements again, with hashes (UPGRADE=1: at their newest)
	@for name in $(LOCKS); do \
		$(BIN)/uv pip compile --quiet $(if $(UPGRADE),--upgrade) --universal --python-version=3.11 --generate-hashes \
			--no-strip-extras $$name.in --output-file=$$name.txt || exit 1; done

check-locks: $(READY) bench/.venv/.ready $(AUDIT)/.ready ## Make all environments, and check their locks against them

# Repeats what `pulumi install` does: a venv, the newest pip, then requirements.txt. Also with the
# oldest pip: 22.3 of Python 3.11.0, or from Python 3.12 on, where that does not run, the venv's own.
check-pips: $(READY) ## Install as `pulumi install` does, with the oldest pip and the newest, and as operators do
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT; \
	pip() { "$$folder/bin/python" -m pip --disable-pip-version-check "$$@"; }; \
	check() { $(PYTHON) -m venv --clear "$$folder" && pip install --quiet "$$@" && pip --version \
		&& pip install --quiet --no-compile --require-hashes -r requirements.txt \
		&& pip check && "$$folder/bin/python" -c 'import pulumi_aws'; }; \
	check 'pip==22.3; python_version < "3.12"' && check --upgrade pip setuptools wheel
	@$(BIN)/python -m pytest -q -m network tests/ops/commands/test_installed.py

sbom: $(AUDIT)/.ready ## Write what the Lambda archive and the deployment consist of (CycloneDX)
	@rm -rf $(SBOM) && mkdir -p $(SBOM)
	@for part in archive:handlers/requirements.txt deployment:requirements.txt; do \
		$(BIN)/uv venv --quiet --clear $(SBOM)/venv \
		&& $(BIN)/uv pip sync --quiet --python $(SBOM)/venv/bin/python --require-hashes "$${part#*:}" \
		&& PYTHONWARNINGS=ignore $(AUDIT)/bin/cyclonedx-py environment $(SBOM)/venv --pyproject pyproject.toml --output-reproducible \
			--output-file "$(SBOM)/$${part%%:*}.cdx.json" || exit 1; done
	@rm -rf $(SBOM)/venv
	@ls $(SBOM)/*

audit: $(AUDIT)/.ready ## Look up known vulnerabilities of everything that is locked
	@for name in $(LOCKS); do echo "$$name.txt"; \
		$(AUDIT)/bin/pip-audit --strict --progress-spinner off --disable-pip --require-hashes --requirement $$name.txt || failed=1; done; \
		exit $${failed:-0}

licences: $(READY) ## List the licences of what is deployed and of what deploys it
	@$(BIN)/python -m tests.contracts.licences

clean: ## Remove what the targets made
	rm -rf $(VENV) .build .pytest_cache .ruff_cache .hypothesis .coverage* bench/.venv bench/data tests/oldest/.venv

.PHONY: help setup demo serve test end-to-end bombs serde test-long test-oldest fuzz crash interleavings storms mutants bench check check-style style types imports coverage format docs preview up smoke pulumi-cli lock check-locks check-pips sbom audit licences clean
