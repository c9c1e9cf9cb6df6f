# Each of these does all set-up that it needs by itself.
.PHONY: help setup demo test lint clean
.DEFAULT_GOAL := help

# Python to make the virtual environment with; found by itself when empty.
export PYTHON

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-7s %s\n", $$1, $$2}' Makefile

setup: ## system packages, .venv, Python packages, compiled interfaces
	@tools/setup.sh demo

demo: ## the immigration hall, alive; options in ARGS="--headless --duration 180 --seed 1 --report report.json"
	@tools/setup.sh demo
	@tools/run.sh robot-ops demo $(ARGS)

test: ## static checks and all tests; a part of them with ARGS="tests/unit -k lock"
	@tools/setup.sh test
	@tools/test.sh $(ARGS)

lint: ## static checks only
	@tools/setup.sh test
	@tools/lint.sh

clean: ## removes everything that set-up and builds made, .venv included
	rm -rf .venv build install log dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
