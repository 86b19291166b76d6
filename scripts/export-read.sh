#!/usr/bin/env bash
# Exports random and hostile boards, and reads every file with independent readers (Python's).
source "$(dirname "$0")/lib.sh"
need_cargo
command -v python3 >/dev/null || die "Python 3 is needed for the independent readers"
readers=target/export-readers
if ! cmp -s tests/export/requirements.txt "$readers/.requirements"; then
  say "installing the readers in $readers"
  python3 -m venv "$readers"
  "$readers/bin/pip" install --quiet --disable-pip-version-check -r tests/export/requirements.txt
  cp tests/export/requirements.txt "$readers/.requirements"
fi
files=$(mktemp -d)
trap 'rm -rf "$files"' EXIT
SANGAM_EXPORT_FILES=$files SANGAM_EXPORT_CASES=${CASES:-40} SANGAM_EXPORT_SEED=${SEED:-1} \
  cargo test --release --locked --quiet -p sangam --lib random_boards_leave_in_every_format
"$readers/bin/python" tests/export/read.py "$files"
