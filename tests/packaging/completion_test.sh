#!/usr/bin/env bash
# What bash offers after a beginning of a command line.
set -euo pipefail
# shellcheck source=/dev/null
. "$1/packaging/completion/salvorctl"

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
printf '[repository main]\nurl = file:///b\n\n[cluster orders]\n[cluster others]\n' >"$folder/salvor.conf"
failures=0

# offers EXPECTED WORD...: the last word is the one that is being typed.
offers() {
  local expected=$1
  shift
  COMP_WORDS=(salvorctl "$@")
  COMP_CWORD=$#
  _salvorctl
  local got=" ${COMPREPLY[*]} "
  for word in $expected; do
    [[ $got == *" $word "* ]] || { echo "after '$*': '$word' is not offered, but:$got"; failures=1; }
  done
}
# never UNWANTED WORD...
never() {
  local unwanted=$1
  shift
  COMP_WORDS=(salvorctl "$@")
  COMP_CWORD=$#
  _salvorctl
  [[ " ${COMPREPLY[*]} " != *" $unwanted "* ]] || { echo "after '$*': '$unwanted' is offered"; failures=1; }
}

offers 'backup backups' ba
offers 'repo cluster restore verify' ''
offers 'add list remove' repo key ''
offers 'orders others' --config "$folder/salvor.conf" restore o
offers 'main' --config "$folder/salvor.conf" repo init --repo ''
offers '--time --plan --exclusive' restore orders --
offers 'orders others' --config "$folder/salvor.conf" in-place rollback o
offers '--out' plan restore orders --o
offers 'orders others' --config "$folder/salvor.conf" receive-wal o
offers '--create-slot --drop-slot --synchronous' receive-wal orders --
offers '--repo --writer' repo key add --
offers 'pause promote' restore orders --action p
never '--plan' plan restore orders --
never '--out' restore orders --
never '--writer' repo init --
exit "$failures"
