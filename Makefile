# One machine, no cloud. Every target is one line; the work is done by compose/local (see README.md).
SHELL := /bin/bash
PYTHON := .venv/bin/python
LOCAL := $(PYTHON) -m compose.local
CODE := dbaas instances datastores backups guestagent compose tests manage.py

.DEFAULT_GOAL := help
.PHONY: help install installed install-test demo up down restart status doctor logs clean test test-unit lint bench chaos docs requirements

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

install: ## Install what is missing: Debian packages, .venv and the pinned requirements
	@compose/local/install.sh

installed:
	@test -e .venv/.installed || { echo "Nothing is installed here yet: run 'make up'." >&2; exit 1; }

install-test:
	@compose/local/install.sh test

demo: install ## Start everything, then use it through the real `openstack database` client
	@$(LOCAL) demo

up: install ## Start everything and bring the instances back
	@$(LOCAL) up

down: installed ## Stop everything, instances too; data stays
	@$(LOCAL) down

restart: installed ## Restart our processes (not the databases of the instances)
	@$(LOCAL) restart

status: installed ## Show the processes and whether they are well
	@$(LOCAL) status

doctor: installed ## Say what is wrong with this installation and how to mend it
	@$(LOCAL) manage doctor

logs: installed ## Follow the logs; NAME=api for one of them
	@$(LOCAL) logs $(NAME)

clean: installed ## Remove everything `make up` made here, DATA INCLUDED
	@$(LOCAL) clean

test: install-test ## Set up and run all tests
	@compose/local/test.sh $(ARGS)

test-unit: install-test ## Run the quick tests only
	@compose/local/test.sh tests/unit tests/architecture $(ARGS)

lint: install-test ## Style, types, import rules, forgotten migrations
	@.venv/bin/ruff check $(CODE) && .venv/bin/ruff format --check $(CODE)
	@.venv/bin/mypy $(CODE)
	@.venv/bin/lint-imports
	@DJANGO_SETTINGS_MODULE=dbaas.settings.test $(PYTHON) manage.py makemigrations --check --dry-run

bench: install-test ## Measure; prints tables (ARGS="--short api" for less)
	@$(PYTHON) -m tests.benchmarks $(ARGS)

chaos: install-test ## Kill processes at every step and see that nothing sticks (slow)
	@compose/local/test.sh -m chaos $(ARGS)

docs: install ## Write the configuration reference anew
	@$(PYTHON) -m compose.local.write_docs

requirements: install-test ## Show which pinned requirements are behind
	@.venv/bin/pip list --outdated | grep -i -F -f <(sed -nE 's/^([A-Za-z0-9_.-]+)(\[.*\])?==.*/\1 /p' requirements/*.txt | sort -u) || echo "All up to date."
