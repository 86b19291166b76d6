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

export-soak: ## random boards through every format; CASES=10000 SEED=1
	@SANGAM_EXPORT_CASES=$${CASES:-10000} SANGAM_EXPORT_SEED=$${SEED:-1} \
		cargo test --release -p sangam --lib random_boards_leave_in_every_format

export-read: ## exported files, opened by independent readers (Python); CASES=40 SEED=1
	@scripts/export-read.sh

.PHONY: help build run test check fuzz export-soak export-read
