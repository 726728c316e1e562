# What a person needs: `make run` to see it, `make test` to trust it. `make help` lists the rest.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# dev builds in half the time and is fast enough to watch; PROFILE=release for measuring.
PROFILE ?= dev
DATA ?= ./quipu-data
LISTEN ?= 127.0.0.1:7171

.PHONY: help run test bench clean

help: ## Show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-8s %s\n", $$1, $$2 }'

run: ## Build, and serve the live demo on SQLite (DATA=./quipu-data LISTEN=127.0.0.1:7171 PROFILE=dev)
	@.ci/need rust compiler
	cargo build --locked --profile $(PROFILE) --package quipu
	exec target/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))/quipu demo --data $(DATA) --listen $(LISTEN)

test: ## Format, lints and every test, on a real SQLite and a real PostgreSQL
	@.ci/need rust compiler postgresql sqlite3 python3 hledger beancount
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- --deny warnings
	mkdir -p target
	cargo test --locked --workspace --no-fail-fast 2>&1 | tee target/test.log
	@awk '/^test result:/ { passed += $$4; failed += $$6 } \
	  END { printf "%d passed, %d failed\n", passed, failed; exit failed > 0 || passed == 0 }' target/test.log

bench: ## Measure everything in one run of a quarter of an hour, and write benches/RESULTS.md (SECONDS_EACH=3 EVENTS=200000 TIGERBEETLE=path)
	@.ci/need rust compiler postgresql
	QUIPU_COMMIT=$$(git describe --always --dirty) cargo build --locked --release --package quipu
	cargo build --locked --release --manifest-path benches/peers/Cargo.toml
	cargo run --locked --release --package quipu-benches --example publish

clean: ## Remove what was built; the books in $(DATA) stay
	cargo clean
