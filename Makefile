# Millrace: `make help` lists the targets. Rust (https://rustup.rs) must be there; the rest is fetched.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup build test lint down

# Arguments for `cargo test`, for example: make test TEST="-p millrace-mysql decode"
TEST ?=

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|' 2>/dev/null || grep '##' $(MAKEFILE_LIST)

setup: ## install what building needs beside Rust, where missing (as root)
	@deploy/local/setup

build: setup ## build everything
	cargo build --workspace

test: setup ## all tests, against real servers of their own (installs missing ones as root), stopped at the end
	@deploy/local/with-servers deploy/local/test $(TEST)

lint: setup ## formatting, clippy, the project's own rules, licences, shell scripts
	@deploy/local/lint

down: ## stop the servers of this checkout (.local) that `deploy/local/servers up` started
	@deploy/local/servers down
