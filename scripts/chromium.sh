#!/usr/bin/env bash
# Prints the path of a Chromium; installs Debian's where there is none.
source "$(dirname "$0")/lib.sh"

works() { [[ -n ${1:-} && -x $1 ]] && "$1" --version >/dev/null 2>&1; }

for candidate in "${CHROMIUM:-}" "$(command -v chromium || true)" "$(command -v google-chrome || true)" \
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; do
  if works "$candidate"; then
    printf '%s\n' "$candidate"
    exit
  fi
done

if command -v apt-get >/dev/null && grep -q '^ID=debian' /etc/os-release; then
  sudo=()
  [[ $(id -u) = 0 ]] || sudo=(sudo)
  {
    "${sudo[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends \
      chromium fonts-noto-core
  } >&2
  works "$(command -v chromium || true)" && command -v chromium && exit
fi
die "the browser tests need Chromium: install it, or name it: CHROMIUM=/path/to/chromium make test"
