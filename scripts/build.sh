#!/usr/bin/env bash
# Builds the web and the binary; skips what has not changed.
source "$(dirname "$0")/lib.sh"
need_node
need_cargo

npm_packages web
stamp=web/dist/.built
sources=$(find web/src web/worker web/locales web/public web/*.html web/*.ts web/*.js web/package-lock.json -type f -print0 |
  sort -z | xargs -0 sha256sum | sha256sum)
if [[ ! -f $stamp || $(<"$stamp") != "$sources" ]]; then
  say "building the web"
  (cd web && npx --no-install vite build --logLevel warn)
  printf '%s\n' "$sources" >"$stamp"
fi

say "building the server"
cargo build --release --locked --quiet -p sangam
