#!/usr/bin/env bash
# Builds with line coverage, runs the default tier, and prints which share of core's lines ran.
set -euo pipefail

cd "$(dirname "$0")/.."
cache=${SALVOR_TEST_CACHE:-/var/tmp/salvor-tests}
cmake --preset coverage -DSALVOR_PG_ROOT="$cache/pg" -DSALVOR_GUI=OFF >/dev/null
cmake --build --preset coverage -j "$(nproc)"
find build/coverage -name '*.gcda' -delete
run() { ctest --test-dir build/coverage -LE long -j "$(nproc)" --output-on-failure "$@" || status=$?; }
status=0
run -E '^integration'
# Servers in the tests start salvorctl as another user, who adds to the counters that are there.
build/coverage/core/cli/salvorctl --version >/dev/null
chmod -R a+rwX build/coverage
run -R '^integration'
gcovr --root . --filter 'core/' --object-directory build/coverage --gcov-ignore-parse-errors \
  --exclude-throw-branches --txt build/coverage/coverage.txt --print-summary |
  sed -n 's/^lines: /core line coverage: /p'
echo "by file: build/coverage/coverage.txt"
exit "$status"
