#!/usr/bin/env bash
# Installs what the tests need, builds everything with the sanitizers, and runs the tests:
#
#   tests/run.sh [--long] [--tidy] [CTEST-ARGUMENT...]
#
#   --long   also the slow tier: kill runs, every target on every major, large data, line coverage,
#            fuzzing
#   --tidy   clang-tidy on every source (with CI=true set: on what the last commit changed)
#
# What it downloads is kept in $SALVOR_TEST_CACHE (/var/tmp/salvor-tests). The exit status is that
# of the first step that failed; ctest's summary comes last.
set -euo pipefail

cd "$(dirname "$0")/.."
root=$PWD
long=no
tidy=no
ctest_arguments=()
while [ $# -gt 0 ]; do
  case $1 in
    --long) long=yes ;;
    --tidy) tidy=yes ;;
    -h | --help) sed -n '2,12s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) ctest_arguments+=("$1") ;;
  esac
  shift
done

step() { printf '\n== %s\n' "$*"; }
started=$SECONDS
# What goes wrong beside the tests does not keep them from running, and is said before them.
failed=
remember() { failed="${failed}run.sh: $*"$'\n'; }

step "packages"
packaging/install-packages.sh debian-packages-build.txt debian-packages-gui.txt \
  debian-packages-demo.txt debian-packages-test.txt

step "PostgreSQL 13, 17 and 18"
# One for each user: what root made could not be completed by another.
cache=${SALVOR_TEST_CACHE:-/var/tmp/salvor-tests}
mkdir -p "$cache/pg" 2>/dev/null || true
[ -w "$cache/pg" ] || cache=$cache-$(id -un)
export SALVOR_TEST_CACHE=$cache
mkdir -p "$cache/pg"
# Servers run as another user than root.
[ "$(id -u)" != 0 ] || chmod a+rx "$cache" "$cache/pg"
for major in 13 17 18; do
  tests/support/pg-version "$major" "$cache/pg"
done

step "build"
configured=$(cmake --preset dev -DSALVOR_PG_ROOT="$cache/pg" 2>&1) || {
  echo "$configured"
  exit 1
}
jobs=$(nproc)
cmake --build --preset dev -j "$jobs"

step "formatting"
clang_format=$(command -v clang-format-14 || command -v clang-format)
# Only what is tracked, or everything there is in a tree without history.
sources() {
  git -c safe.directory="$root" ls-files -- '*.cpp' '*.h' 2>/dev/null ||
    find core gui tests bench -name '*.cpp' -o -name '*.h' 2>/dev/null
}
sources | xargs -r "$clang_format" --dry-run -Werror || remember "the formatting is wrong: clang-format -i mends it"

if [ "$tidy" = yes ]; then
  step "clang-tidy"
  tests/tidy.sh || remember "clang-tidy has findings"
elif [ "${CI:-}" = true ]; then
  step "clang-tidy on what changed"
  tests/tidy.sh --changed || remember "clang-tidy has findings"
fi

if [ "$long" = yes ]; then
  step "line coverage of core"
  tests/coverage.sh || remember "the coverage run failed"
  step "fuzzing of the decoders"
  tests/fuzz.sh || remember "a decoder broke"
fi

step "tests (prepared in $((SECONDS - started)) s)"
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}
export LSAN_OPTIONS=${LSAN_OPTIONS:-suppressions=$root/tests/support/asan.supp:print_suppressions=0}
tier=(-LE long)
[ "$long" = no ] || tier=()
printf '%s' "$failed"
status=0
ctest --test-dir build/dev --output-on-failure --no-tests=error -j "$jobs" \
  "${tier[@]}" "${ctest_arguments[@]}" || status=$?
[ -z "$failed" ] || [ "$status" != 0 ] || status=1
exit "$status"
