#!/usr/bin/env bash
# All static checks, each told as it ends; the first that fails ends the run with its findings.
set -euo pipefail
cd "$(dirname "$0")/.."

check() {
  local title=$1 started=$SECONDS
  shift
  printf '==> %s\n' "$title"
  tools/run.sh "$@"
  printf '    %d s\n' $((SECONDS - started))
}

check "lint" ruff check .
check "format" ruff format --check .
check "types" mypy
check "import layers" lint-imports
check "spelling" codespell
