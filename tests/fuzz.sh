#!/usr/bin/env bash
# Feeds every decoder with what libFuzzer thinks of, beginning with the kept corpus:
#
#   tests/fuzz.sh [SECONDS [DECODER...]]     seconds for each of them (10)
#   tests/fuzz.sh --keep DECODER...          adds to tests/fuzz/corpus what reaches new code
#
# Needs clang. What it learnt is kept in $SALVOR_TEST_CACHE/fuzz (/var/tmp/salvor-tests/fuzz) for the
# next run; what breaks a decoder goes to build/fuzz/found and the exit status is 1. A sample that
# broke one belongs into tests/fuzz/corpus, with the mend.
set -euo pipefail

cd "$(dirname "$0")/.."
learnt=${SALVOR_TEST_CACHE:-/var/tmp/salvor-tests}/fuzz
found=build/fuzz/found
fuzzer=build/fuzz/tests/fuzz/salvor_fuzz
keep=no
seconds=10
case ${1:-} in
  --keep) keep=yes; shift ;;
  [0-9]*) seconds=$1; shift ;;
esac

configured=$(cmake --preset fuzz 2>&1) || { echo "$configured"; exit 1; }
cmake --build --preset fuzz -t salvor_fuzz -j "$(nproc)"
known=()
[ $# -gt 0 ] || mapfile -t known < <("$fuzzer")
decoders=("$@" "${known[@]}")
mkdir -p "$found"

# Text stays short enough to be read; the fields of a control file and a page lie further apart.
longest() {
  case $1 in
    control-file) echo 512 ;;
    page) echo 8192 ;;
    wal-segments) echo 24576 ;;
    *) echo 4096 ;;
  esac
}

failed=
for decoder in "${decoders[@]}"; do
  corpus=tests/fuzz/corpus/$decoder
  mkdir -p "$learnt/$decoder"
  if [ "$keep" = yes ]; then
    SALVOR_DECODER=$decoder "$fuzzer" -merge=1 -use_counters=0 -max_len="$(longest "$decoder")" \
      "$corpus" "$learnt/$decoder" 2>/dev/null
    echo "$decoder: $(find "$corpus" -type f | wc -l) samples kept"
    continue
  fi
  if said=$(SALVOR_DECODER=$decoder "$fuzzer" -max_total_time="$seconds" -max_len="$(longest "$decoder")" \
    -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 -verbosity=0 \
    -artifact_prefix="$found/$decoder-" "$learnt/$decoder" "$corpus" 2>&1); then
    echo "$decoder: $(sed -n 's/^stat::number_of_executed_units: *//p' <<<"$said") inputs"
  else
    echo "$said" | tail -n 40
    failed="$failed $decoder"
  fi
done
[ -z "$failed" ] || { echo "broken:$failed; see $found"; exit 1; }
