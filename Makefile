# All work is done by `python3 -m local` (see local/); this file only names it.
PYTHON ?= python3
STACK ?= dev
# Arguments for the program that a target runs: make up ARGS=--diff, make unit ARGS="-k naming"
ARGS ?=
# Test processes; they share their servers
JOBS ?= 4

LOCAL := $(PYTHON) -m local
VENV := .local/venv/bin
KEEP_BYTE_CODE := PYTHONDONTWRITEBYTECODE= PYTHONPYCACHEPREFIX=$(CURDIR)/.local/pycache
TYPED := kcadmin reach grants providers components package exchange local examples policy __main__.py
CLUSTER_TESTS = $(patsubst %,tests/acceptance/test_%.py,objects names login ownership crashes two_processes stacks_at_once)
ALL_TESTS = $(KEEP_BYTE_CODE) HYPOTHESIS_PROFILE=$${HYPOTHESIS_PROFILE:-full} $(VENV)/python -m pytest -p tests.support.forks --forks $(JOBS) $(ARGS)
ON_STACK = --stack $(STACK) -- $(ARGS)

.DEFAULT_GOAL := help
.PHONY: help setup up down stop preview refresh destroy drift verify example env packages lock sbom test unit accept e2e test-matrix faults corpus gates test-cluster test-crash test-copies test-live test-scripts test-spiffe test-languages test-backends state-fixture bench ready check lint type format clean

help: ## this list
	@echo 'make <target> [STACK=dev|legacy] [KEYCLOAK_PORT=…] [KEYCLOAK_VERSION=…] [KEYCLOAK_URL=…] [ARGS=…]'
	@echo
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo '  The stacks dev (standard exchange, port 8080) and legacy (legacy exchange, port 8081) have a server each;'
	@echo '  both may run at once. With KEYCLOAK_URL (and KEYCLOAK_ADMIN_PASS) that server is used and none is started.'
	@echo '  eval "$$(make -s env)" lets plain pulumi and python -m exchange work in this shell.'

setup: ## install what is missing: Python packages, Pulumi CLI, Keycloak; nothing outside .local/
	@$(LOCAL) setup $(ON_STACK)

up: ## everything: setup, start Keycloak, pulumi up, prove each grant by a real exchange
	@$(LOCAL) up $(ON_STACK)

down: ## pulumi destroy, then stop the stack's Keycloak
	@$(LOCAL) down $(ON_STACK)

stop: ## stop the stack's Keycloak and leave its data and the stack as they are
	@$(LOCAL) stop $(ON_STACK)

preview: ## pulumi preview
	@$(LOCAL) preview $(ON_STACK)

refresh: ## pulumi refresh
	@$(LOCAL) refresh $(ON_STACK)

destroy: ## pulumi destroy; Keycloak goes on
	@$(LOCAL) destroy $(ON_STACK)

drift: ## fail when the realm is not what the stack says
	@$(LOCAL) drift $(ON_STACK)

verify: ## prove each grant by a real exchange
	@$(LOCAL) verify $(ON_STACK)

example: ## run the guide as a program and show what it grants, then a call through three services
	@$(LOCAL) example $(ON_STACK)

env: ## print the shell variables: eval "$(make -s env)"
	@$(LOCAL) env $(ON_STACK)

packages: ## install the Python packages only
	@$(LOCAL) packages

lock: ## write requirements.lock anew, after a change of requirements.txt; update the lock with it
	@$(LOCAL) lock

sbom: ## write what the project consists of, with versions and licences: .local/sbom.cdx.json (CycloneDX)
	@$(LOCAL) sbom

test: setup ## all tests
	@$(ALL_TESTS)

unit: packages ## unit tests: no network, no server (HYPOTHESIS_PROFILE=full: all bad inputs, thorough: ten times as many)
	@$(KEEP_BYTE_CODE) $(VENV)/python -m pytest tests/unit -p tests.support.forks --forks 2 $(ARGS)

accept: setup ## tests of each object against a real Keycloak
	@$(VENV)/python -m pytest tests/acceptance $(ARGS)

e2e: setup ## tests with the real pulumi CLI
	@$(VENV)/python -m pytest tests/e2e $(ARGS)

test-matrix: setup ## tests that need a server, on each supported Keycloak (ARGS=26.0.8: on that one); writes docs/compatibility.md
	@JOBS=$(JOBS) $(VENV)/python -m tests.support.matrix $(ARGS)

faults: setup ## each request of an up meets every fault (make test: one, in turn), and runs of the CLI
	@ALL_FAULTS=1 $(VENV)/python -m pytest -n $(JOBS) tests/acceptance/test_bad_servers.py tests/acceptance/test_command_faults.py tests/acceptance/test_misshapen_answers.py tests/e2e/test_faults.py tests/e2e/test_hangs.py $(ARGS)

corpus: setup ## realms as public examples make them, all (make test: a third): import, inventory, up, verify, destroy
	@CORPUS=all $(VENV)/python -m pytest -n $(JOBS) tests/e2e/test_corpus.py $(ARGS)

gates: setup ## conditions of grants on 100 random realms a server (GATE_SEED=…: those again from that seed on, GATE_REALMS=…: so many)
	@seed=$${GATE_SEED:-$$(date +%s)}; echo "GATE_SEED=$$seed"; \
	GATE_SEED=$$seed GATE_REALMS=$${GATE_REALMS:-100} $(VENV)/python -m pytest -n $(JOBS) tests/acceptance/test_gates.py tests/acceptance/test_one_answer.py tests/acceptance/test_policies_at_exchange.py tests/acceptance/test_unreadable_claims.py $(ARGS)

test-cluster: setup ## objects, owners, crashes and stacks at once on PostgreSQL: one node, then two behind a round robin
	@for server in postgres cluster; do \
		KEYCLOAK_TEST_SERVER=$$server ROUNDS_AT_ONCE=5 $(VENV)/python -m pytest $(CLUSTER_TESTS) $(ARGS) || exit 1; done

test-crash: setup ## runs killed before and after each write, in one process and through the CLI (make test: at some of these points)
	@ALL_KILL_POINTS=1 $(VENV)/python -m pytest -n $(JOBS) tests/acceptance/test_crashes.py tests/acceptance/test_replacements.py tests/acceptance/test_killed_robots.py tests/acceptance/test_federated_robots.py tests/e2e/test_killed.py tests/e2e/test_killed_late.py tests/e2e/test_killed_renames.py tests/e2e/test_replaced.py $(ARGS)

test-copies: setup ## a realm with legacy grants that is copied to another server, with callers that go on
	@TEST_COPIES=1 $(VENV)/python -m pytest tests/e2e/test_release.py $(ARGS)

test-live: setup ## servers that change below live stacks: features off and on again, backups, upgrades; all states of earlier commits
	@TEST_LIVE=1 $(VENV)/python -m pytest tests/e2e/test_features_off.py tests/e2e/test_restored.py tests/e2e/test_upgraded.py tests/e2e/test_upgrades.py -v $(ARGS)

test-scripts: setup ## scripts and client scopes with a parameter, on a server built for them
	@TEST_SCRIPTS=1 $(VENV)/python -m pytest tests/acceptance/test_scripts.py $(ARGS)

test-spiffe: setup ## robots that log in by SPIFFE, on a server with that preview feature (make test-matrix does it, too)
	@TEST_SPIFFE=1 $(VENV)/python -m pytest tests/acceptance/test_spiffe.py $(ARGS)

test-languages: setup ## the package's examples in each language, by Pulumi's host or a stand-in for it; says which it skipped
	@TEST_LANGUAGES=1 $(VENV)/python -m pytest tests/e2e/test_package_languages.py -rs $(ARGS)

test-backends: setup ## a stack's life on PostgreSQL and on S3, by two people at once
	@TEST_BACKENDS=all $(VENV)/python -m pytest tests/e2e/test_backends.py $(ARGS)

state-fixture: setup ## write the states of the current commit, for the tests of upgrades (before a release)
	@$(VENV)/python -m tests.e2e.states $(ARGS)

bench: setup ## requests, seconds, memory and state of 1 to 1,000 grants, beside what they cost at least: bench/README.md (ARGS=--help)
	@$(VENV)/python -m bench $(ARGS)

ready: ## lint and types, and meanwhile all that tests need
	@$(MAKE) --no-print-directory -j2 setup lint type

check: ready ## lint, types and all tests
	@$(ALL_TESTS)

lint: packages ## style of the code
	@$(VENV)/ruff check . && $(VENV)/ruff format --check .

type: packages ## types of the code
	@$(VENV)/mypy --strict $(TYPED)

format: packages ## rewrite the code in our style
	@$(VENV)/ruff check --fix . && $(VENV)/ruff format .

clean: ## stop our servers and delete .local/ with all data
	@$(LOCAL) clean
