#!/usr/bin/env bash
# No shell script has a warning of shellcheck.
set -euo pipefail
cd "$1"
"$2" -S warning packaging/*.sh tests/*.sh tests/packaging/*.sh tests/support/pg-version .ci/run
"$2" -s bash packaging/completion/salvorctl
