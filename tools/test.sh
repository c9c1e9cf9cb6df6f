#!/usr/bin/env bash
# Static checks, then all tests from quick to slow: unit, integration over real DDS, browser, seeded scenarios.
# Arguments go to pytest. ARGS with a path of its own replaces the list of test folders.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ $# -eq 0 ]; then
  tools/lint.sh
  for folder in unit integration browser scenarios; do
    if compgen -G "tests/$folder/*" >/dev/null; then set -- "$@" "tests/$folder"; fi
  done
fi
printf '==> tests\n'
exec tools/run.sh pytest "$@"
