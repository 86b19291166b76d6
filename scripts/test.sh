#!/usr/bin/env bash
# Runs every test and ends with the totals. A suite that runs nothing is a failure.
source "$(dirname "$0")/lib.sh"
need_node
need_cargo

CHROMIUM=$(scripts/chromium.sh)
export CHROMIUM
npm_packages web
npm_packages tests/browser
export SANGAM_BIN=$PWD/target/release/sangam

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
passed=0 failed=0

# suite NAME PASSED-REGEX FAILED-REGEX COMMAND...: adds up the numbers that stand before or after
# the words in the command's own totals.
suite() {
  local name=$1 good=$2 bad=$3 status=0 p f
  shift 3
  say "$name"
  "$@" 2>&1 | tee "$logs/$name" || status=$?
  # Colours would hide the numbers.
  sed -i 's/\x1b\[[0-9;]*m//g' "$logs/$name"
  p=$({ grep -oE "$good" "$logs/$name" || true; } | awk '{ for (i = 1; i <= NF; i++) if ($i ~ /^[0-9]+$/) n += $i } END { print n + 0 }')
  f=$({ grep -oE "$bad" "$logs/$name" || true; } | awk '{ for (i = 1; i <= NF; i++) if ($i ~ /^[0-9]+$/) n += $i } END { print n + 0 }')
  p=${p:-0} f=${f:-0}
  if ((status != 0 && f == 0)) || ((p + f == 0)); then
    printf 'sangam: the suite "%s" did not run to its end (%s passed)\n' "$name" "$p" >&2
    f=$((f + 1))
  fi
  passed=$((passed + p)) failed=$((failed + f))
}

web_tests() { (cd web && npx --no-install vitest run); }
interop_tests() { node --test --test-concurrency=4 --test-timeout=120000 tests/interop/*.test.mjs; }
browser_tests() { (cd tests/browser && npx --no-install playwright test --reporter=line); }

cargo build --release --locked --quiet --tests --workspace
suite rust ' [0-9]+ passed;' ' [0-9]+ failed;' \
  cargo test --release --locked --workspace --no-fail-fast --quiet
suite web 'Tests .* [0-9]+ passed' 'Tests +[0-9]+ failed' web_tests
suite interop '^# pass [0-9]+|^ℹ pass [0-9]+' '^# fail [0-9]+|^ℹ fail [0-9]+' interop_tests
suite browser '^ +[0-9]+ passed' '^ +[0-9]+ failed' browser_tests

printf '\n%s passed, %s failed\n' "$passed" "$failed"
((failed == 0))
