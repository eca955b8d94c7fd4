# SPDX-License-Identifier: MIT
#
#   make suite   set everything up and run the default suite on the built-in guest
#   make test    set everything up and pass the tests (lint, types, format, all parts; under 15 minutes)
#   make image   build the QEMU module, the drivers, the test kernel and the image
#   make boot    boot the VM and leave you at a prompt (plug, unplug, yank, suspend, resume, status, ...);
#                GDB=1 waits for gdb and prints the command that attaches it, LOG=debug makes the kernel talk
#   make windows signed driver packages and buddyctl.exe for a Windows guest (docs/packaging.md)
#   make bench   measure what the README's table says
#   make clean   remove what was built (runs/ and .venv stay; `make distclean` removes them too)
#
# BUILD is where everything is built (default: build/ of this checkout).

BUILD ?= $(CURDIR)/build
PYTHON ?= python3
VENV   := $(CURDIR)/.venv/bin
export BUILD PYTHON

.DEFAULT_GOAL := help
.PHONY: help setup image windows suite boot test test-long lint format bench clean distclean

help:
	@sed -n 's/^#   \(make .*\)/  \1/p' Makefile

setup:
	@.ci/setup

image: setup
	@$(VENV)/orchestrator image

windows: setup
	@$(MAKE) --no-print-directory -C guest-drivers windows

suite: image
	@$(VENV)/orchestrator run suites/default.yaml

boot: image
	@$(VENV)/orchestrator boot $(if $(filter-out 0,$(GDB)),--gdb) $(if $(LOG),--log-level $(LOG))

test: image lint
	@$(VENV)/python -m pytest -m "not long"

test-long: image lint
	@$(VENV)/python -m pytest

bench: image
	@$(VENV)/orchestrator bench

C_SOURCES     = $(shell git ls-files '*.c' '*.h' | grep -v '_regs\.h$$')
SHELL_SOURCES = $(shell git ls-files .ci | grep -E '^.ci/(setup|run)$$') $(shell git ls-files '*.sh')

lint: setup
	@echo "[lint] ruff, mypy, clang-format, shellcheck"
	@$(VENV)/ruff check --quiet .
	@$(VENV)/ruff format --quiet --check .
	@$(VENV)/mypy --strict --no-error-summary orchestrator tests guest-drivers/packaging/driverpack
	@clang-format --dry-run -Werror $(C_SOURCES)
	@shellcheck $(SHELL_SOURCES)

format: setup
	@$(VENV)/ruff check --quiet --fix . ; $(VENV)/ruff format --quiet .
	@clang-format -i $(C_SOURCES)

clean:
	rm -rf $(BUILD)

distclean: clean
	rm -rf runs .venv
