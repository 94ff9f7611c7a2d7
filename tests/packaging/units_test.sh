#!/usr/bin/env bash
# systemd understands every unit, and none gives away more than it must.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for unit in "$1"/*.service; do
  # The program is not installed here; any other will do for the check.
  sed 's|^ExecStart=[^ ]*|ExecStart=/bin/true|' "$unit" >"$folder/$(basename "$unit" | sed 's/@/@orders/')"
  grep -q '^ExecStart=/.*/salvorctl ' "$unit" || { echo "$unit does not start salvorctl"; exit 1; }
done
said=$("$2" verify --man=no --recursive-errors=no "$folder"/*.service 2>&1) || { echo "$said"; exit 1; }
[ -z "$said" ] || { echo "$said"; exit 1; }
