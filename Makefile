# All work is done by `python3 -m local` (see local/); this file only names it.
PYTHON ?= python3
STACK ?= dev
# Arguments for the program that a target runs: make up ARGS=--diff, make unit ARGS="-k naming"
ARGS ?=
# Test processes, each with servers of its own (0.4 GB a feature set)
JOBS ?= 2

LOCAL := $(PYTHON) -m local
VENV := .local/venv/bin
TYPED := kcadmin providers components exchange local examples __main__.py
ON_STACK = --stack $(STACK) -- $(ARGS)

.DEFAULT_GOAL := help
.PHONY: help setup up down stop preview refresh destroy drift verify example env packages test unit accept e2e faults check lint type format clean

help: ## this list
	@echo 'make <target> [STACK=dev|legacy] [KEYCLOAK_PORT=…] [KEYCLOAK_VERSION=…] [KEYCLOAK_URL=…] [ARGS=…]'
	@echo
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
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

example: ## run the guide as a program, and show by real exchanges what it grants and what not
	@$(LOCAL) example $(ON_STACK)

env: ## print the shell variables: eval "$(make -s env)"
	@$(LOCAL) env $(ON_STACK)

packages: ## install the Python packages only
	@$(LOCAL) packages

test: setup ## all tests
	@$(VENV)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

unit: packages ## unit tests: no network, no server
	@$(VENV)/python -m pytest tests/unit $(ARGS)

accept: setup ## tests of each object against a real Keycloak
	@$(VENV)/python -m pytest tests/acceptance $(ARGS)

e2e: setup ## tests with the real pulumi CLI
	@$(VENV)/python -m pytest tests/e2e $(ARGS)

faults: setup ## each request of an up meets every fault (make test: a third of them, in turn)
	@ALL_FAULTS=1 $(VENV)/python -m pytest tests/acceptance/test_bad_servers.py $(ARGS)

check: lint type test ## lint, types and all tests

lint: packages ## style of the code
	@$(VENV)/ruff check . && $(VENV)/ruff format --check .

type: packages ## types of the code
	@$(VENV)/mypy --strict $(TYPED)

format: packages ## rewrite the code in our style
	@$(VENV)/ruff check --fix . && $(VENV)/ruff format .

clean: ## stop our servers and delete .local/ with all data
	@$(LOCAL) clean
