#!/usr/bin/env bash
# Installs the Debian packages of the lists given, if one is missing:
#
#   install-packages.sh LIST...      a list is a file beside this one: one package a line, # comments
#
# Works as root and as an ordinary user with sudo. Does not touch the network when nothing is
# missing.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
[ $# -gt 0 ] || { echo "usage: install-packages.sh LIST..." >&2; exit 2; }
command -v apt-get >/dev/null || { echo "install-packages.sh: apt-get is needed (Debian 12)" >&2; exit 3; }

packages=()
for list in "$@"; do
  while read -r name _; do
    case $name in '' | '#'*) ;; *) packages+=("$name") ;; esac
  done <"$here/$list"
done

missing=()
for name in "${packages[@]}"; do
  state=$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null || true)
  [ "${state//installed/}" != "$state" ] && [ "${state#not-}" = "$state" ] || missing+=("$name")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || {
    echo "install-packages.sh: missing: ${missing[*]}" >&2
    echo "install-packages.sh: run it as root, or install sudo" >&2
    exit 3
  }
  as_root=(sudo)
fi
# Debian's postgresql-common would make and start a cluster of its own at installation.
policy=/usr/sbin/policy-rc.d
made_policy=
cleanup() { [ -z "$made_policy" ] || "${as_root[@]}" rm -f "$policy"; }
trap cleanup EXIT
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 0755 "$policy"
  made_policy=yes
fi

echo "installing: ${missing[*]}" >&2
apt=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -qq)
install() { "${as_root[@]}" "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >&2; }
# The package lists may be absent or older than the mirror.
"${as_root[@]}" "${apt[@]}" update >&2
install || { sleep 5; "${as_root[@]}" "${apt[@]}" update >&2; install; }
