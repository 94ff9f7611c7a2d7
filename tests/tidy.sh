#!/usr/bin/env bash
# clang-tidy with the project's rules on the sources of core and gui:
#
#   tests/tidy.sh               all of them
#   tests/tidy.sh --changed     those the last commit changed, at most 20
#
# Needs a configured and built build/dev.
set -euo pipefail

cd "$(dirname "$0")/.."
clang_tidy=$(command -v clang-tidy-14 || command -v clang-tidy)
git=(git -c "safe.directory=$PWD")

all() { find core gui -name '*.cpp' 2>/dev/null | sort; }
changed() {
  "${git[@]}" rev-parse -q --verify HEAD~1 >/dev/null 2>&1 || { echo "no commit before this one" >&2; return; }
  # The first commit of a large merge would be everything; the full run is for that.
  "${git[@]}" diff --name-only --diff-filter=d HEAD~1 HEAD -- 'core/*.cpp' 'gui/*.cpp' |
    awk 'NR <= 20 { print } END { if (NR > 20) print NR - 20 " more were left out" > "/dev/stderr" }'
}

if [ "${1:-}" = --changed ]; then files=$(changed); else files=$(all); fi
# Only what is built has its compiler flags written down.
list=$(mktemp)
trap 'rm -f "$list"' EXIT
while read -r file; do
  [ -z "$file" ] || ! grep -qF "\"$PWD/$file\"" build/dev/compile_commands.json || echo "$file" >>"$list"
done <<<"$files"
[ -s "$list" ] || { echo "nothing to check"; exit 0; }
echo "$(wc -l <"$list") files"
xargs -r -P "$(nproc)" -n 1 "$clang_tidy" -p build/dev --quiet \
  --extra-arg=-Wno-unknown-warning-option <"$list"
