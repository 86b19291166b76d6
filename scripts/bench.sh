#!/usr/bin/env bash
# Measures this server beside a bare relay and the servers that people use; writes
# docs/performance/ and the tables of docs/PERFORMANCE.md. The machine must be doing nothing else.
source "$(dirname "$0")/lib.sh"
need_node
need_cargo
command -v taskset >/dev/null || die "taskset is needed: the package util-linux"
(($(nproc) >= 2)) || die "two cores are needed: one for the servers, one for the load"
ulimit -n "$(ulimit -Hn)"
(($(ulimit -n) >= 12000)) || die "12,000 open files are needed: ulimit -n"

npm_packages tests/bench
cargo build --release --locked --quiet -p sangam -p sangam-bench
exec taskset --cpu-list 1 target/release/sangam-bench run ${ONLY:+--only "$ONLY"} ${ROUNDS:+--rounds "$ROUNDS"} ${SYSTEMS:+--systems "$SYSTEMS"} "$@"
