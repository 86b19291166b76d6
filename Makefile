# Two commands for users: `make run` and `make test`. Everything else serves them.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

help: ## what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

build: ## the web, then target/release/sangam
	@scripts/build.sh

run: build ## build everything and serve the demonstration event
	@exec target/release/sangam demo $(ARGS)

test: build ## every test, then the totals
	@scripts/test.sh

check: ## format, lints, types, licences, advisories
	@scripts/check.sh

fuzz: ## hostile bytes through guard and yrs; CASES=10000000 SEED=1
	@SANGAM_FUZZ_CASES=$${CASES:-10000000} SANGAM_FUZZ_SEED=$${SEED:-1} \
		cargo test --release -p sangam --lib hostile_bytes -- --nocapture

bench: build ## measure beside other servers; ONLY=fanout,event,rooms,join,text,idle,cold ROUNDS=3
	@ONLY="$(ONLY)" ROUNDS="$(ROUNDS)" SYSTEMS="$(SYSTEMS)" scripts/bench.sh

bench-functions: ## the hot functions by themselves: guard, apply, merge, encode
	@cargo bench --locked -p sangam --bench sync

.PHONY: help build run test check fuzz bench bench-functions
