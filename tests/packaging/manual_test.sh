#!/usr/bin/env bash
# The manuals are set without a warning of groff.
set -euo pipefail
for page in "$1"/docs/man/*.[1-8]; do
  said=$("$2" -man -Tutf8 -ww "$page" 2>&1 >/dev/null)
  [ -z "$said" ] || { echo "$page: $said"; exit 1; }
done
