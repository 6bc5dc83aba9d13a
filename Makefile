# Millrace: `make help` lists the targets. Rust (https://rustup.rs) must be there; the rest is fetched.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup demo demo-run build test bench big many-tables many-changes chaos broker-chaos broker-away ddl-chaos matrix lint down

# Arguments for `cargo test`, for example: make test TEST="-p millrace-mysql decode"
TEST ?=

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|' 2>/dev/null || grep '##' $(MAKEFILE_LIST)

setup: ## install what building needs beside Rust, where missing (as root)
	@deploy/local/setup

demo: setup ## move a generated shop over Kafka while it is written to and stages are killed; compare every row
	@deploy/demo/demo staged

demo-run: setup ## the same with `millrace run`: one process, no Kafka
	@deploy/demo/demo run

build: setup ## build everything
	cargo build --workspace

test: setup ## all tests, against real servers of their own (installs missing ones as root), stopped at the end
	@deploy/local/with-servers deploy/local/test $(TEST)

bench: setup ## measure speed: WORKLOADS="w1 w3" SCALE=0.1 WAY=staged COMPRESSION=lz4, all without; see docs/performance.md
	@BENCH_ARGUMENTS="$(if $(SCALE),--scale $(SCALE)) $(if $(WAY),--way $(WAY)) $(if $(COMPRESSION),--compression $(COMPRESSION))" \
		MILLRACE_MYSQL_OPTIONS=--loose-binlog-row-metadata=FULL \
		MILLRACE_POSTGRES_OPTIONS="-c fsync=on -c shared_buffers=512MB -c max_wal_size=4GB" \
		deploy/local/with-servers deploy/local/bench $(WORKLOADS)

big: setup ## one transaction of ROWS (default 5000000) over Kafka: time, and memory of each stage
	@MILLRACE_BIG_ROWS=$(or $(ROWS),5000000) deploy/local/with-servers deploy/local/test \
		-p millrace-e2e --test memory one_large_transaction_stays_within_the_memory_of_the_task_file -- --nocapture

many-tables: setup ## TABLES (default 10000) of a few rows over Kafka, then a row for each in one transaction: time, memory
	@MILLRACE_MANY_TABLES=$(or $(TABLES),10000) deploy/local/with-servers deploy/local/test \
		-p millrace-e2e --test memory many_tables_stay_within_the_memory_of_the_task_file -- --nocapture

many-changes: setup ## CHANGES (default 2000) of a table, then all stages start again from the log: time, memory
	@MILLRACE_MANY_CHANGES=$(or $(CHANGES),2000) deploy/local/with-servers deploy/local/test \
		-p millrace-e2e --test many_schema_changes -- --nocapture

chaos: setup ## MINUTES=n [SEED=s]: random writes while processes, servers and connections fail; compare every row
	@cargo build --workspace --bins
	@MILLRACE_CHAOS_MINUTES=$(MINUTES) MILLRACE_TEST_SEED=$(SEED) cargo test -p millrace-e2e --test chaos $(or $(WAY),chaos_) -- --nocapture

broker-chaos: setup ## MINUTES=n [SEED=s]: three brokers are killed again and again while writers write; compare every row
	@MILLRACE_BROKER_CHAOS_MINUTES=$(MINUTES) MILLRACE_TEST_SEED=$(SEED) deploy/local/with-servers deploy/local/test \
		-p millrace-e2e --test brokers -- --nocapture

broker-away: setup ## SECONDS (default 150): no broker for so long while writers write; compare every row
	@MILLRACE_BROKER_AWAY_SECONDS=$(or $(SECONDS),150) deploy/local/with-servers deploy/local/test \
		-p millrace-e2e --test broker_away -- --nocapture

ddl-chaos: setup ## MINUTES=n [SEED=s]: random schema changes while tables are written and stages are killed; compare all
	@MILLRACE_DDL_CHAOS_MINUTES=$(MINUTES) MILLRACE_TEST_SEED=$(SEED) deploy/local/with-servers deploy/local/test \
		-p millrace-e2e --test schema_chaos $(WAY) -- --nocapture

matrix: setup ## SEEDS=n [SEED=s]: random tables and values of all types; snapshot, binlog and server must agree in every cell
	@MILLRACE_MATRIX_SEEDS=$(SEEDS) MILLRACE_TEST_SEED=$(or $(SEED),1000) deploy/local/with-servers deploy/local/test \
		-p millrace-mysql --test binlog random_tables -- --nocapture

lint: setup ## formatting, clippy, the project's own rules, licences, shell scripts
	@deploy/local/lint

down: ## end what make demo left running, and the servers of this checkout (.local)
	@deploy/demo/down
