# Shared by the scripts: where we are, and what must be there.
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '\n── %s\n' "$*"; }
die() { printf 'sangam: %s\n' "$*" >&2; exit 1; }

need_node() {
  command -v node >/dev/null || die "Node.js 20.19 or later is needed: https://nodejs.org"
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
    die "Node.js 20.19 or later is needed; this is $(node --version)"
}

need_cargo() {
  command -v cargo >/dev/null || die "Rust is needed: https://rustup.rs (rust-toolchain.toml names the version)"
}

# npm_packages DIR: installs what DIR/package-lock.json names, once per version of that file.
npm_packages() {
  local dir=$1 stamp=$1/node_modules/.sangam-lock
  cmp -s "$dir/package-lock.json" "$stamp" && return
  say "installing npm packages in $dir"
  # Browsers come from the system; a package that fetches its own is told not to.
  (cd "$dir" && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --no-audit --no-fund --loglevel=error)
  cp "$dir/package-lock.json" "$stamp"
}
