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

fuzz: ## hostile messages through the whole path; CASES=10000000 SEED=1
	@export SANGAM_FUZZ_CASES=$${CASES:-10000000} SANGAM_FUZZ_SEED=$${SEED:-1}; \
		cargo test --release -p sangam --test fuzz -- --nocapture; \
		cargo test --release -p sangam --lib hostile_bytes -- --nocapture

simulate: ## seeded worlds of the pure room; SEEDS=1000000 FIRST_SEED=1
	@SANGAM_SIMULATION_SEEDS=$${SEEDS:-1000000} SANGAM_SIMULATION_FIRST_SEED=$${FIRST_SEED:-1} \
		cargo test --release --locked -p sangam --test simulation -- --nocapture

chaos: build ## the real binary in a bad network, killed again and again; MINUTES=10 SEED=...
	@SANGAM_CHAOS_SECONDS=$$(( $${MINUTES:-10} * 60 )) \
		$${SEED:+env SANGAM_CHAOS_SEED=$$SEED} \
		cargo test --release --locked -p sangam-tests --test chaos -- --nocapture

bench: build ## measure beside other servers; ONLY=fanout,event,rooms,growth,join,text,idle,cold ROUNDS=3
	@ONLY="$(ONLY)" ROUNDS="$(ROUNDS)" SYSTEMS="$(SYSTEMS)" scripts/bench.sh

bench-functions: ## the hot functions by themselves: guard, apply, merge, encode
	@cargo bench --locked -p sangam --bench sync

export-soak: ## random boards through every format; CASES=10000 SEED=1
	@SANGAM_EXPORT_CASES=$${CASES:-10000} SANGAM_EXPORT_SEED=$${SEED:-1} \
		cargo test --release -p sangam --lib random_boards_leave_in_every_format

export-read: ## exported files, opened by independent readers (Python); CASES=40 SEED=1
	@scripts/export-read.sh

.PHONY: help build run test check fuzz simulate chaos bench bench-functions export-soak export-read
