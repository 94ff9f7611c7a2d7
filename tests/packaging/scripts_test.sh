#!/usr/bin/env bash
# No shell script has a finding of shellcheck.
set -euo pipefail
cd "$1"
"$2" packaging/*.sh tests/*.sh tests/packaging/*.sh tests/support/pg-version .ci/run
"$2" -s bash packaging/completion/salvorctl
