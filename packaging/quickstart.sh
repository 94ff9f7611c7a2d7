#!/usr/bin/env bash
# From a fresh Debian 12 and a clone to a restored table, without touching anything of yours:
#
#   packaging/quickstart.sh [--headless] [--keep] [--build-dir DIR]
#
#   --headless       on the command line only; without it the application opens at the end,
#                    when there is a display
#   --keep           leave the cluster, the repository and the restored copy, and say how to go on
#   --build-dir DIR  build there instead of build/release
#
# Installs missing packages (by sudo when it is not root), builds, makes a throw-away PostgreSQL 15
# cluster and a repository in a temporary folder, backs up, works on, drops a table, restores to
# just before the drop, and compares. Exit status 0: the rows are back, exactly.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
headless=no
keep=no
build=$root/build/release
while [ $# -gt 0 ]; do
  case $1 in
    --headless) headless=yes ;;
    --keep) keep=yes ;;
    --build-dir) shift; build=$(realpath -m "${1:?--build-dir needs DIR}") ;;
    -h | --help) sed -n '2,14s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "quickstart.sh: unknown option '$1'; see --help" >&2; exit 2 ;;
  esac
  shift
done
[ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] || headless=yes

number=0
step() {
  number=$((number + 1))
  title=$*
  printf '\n%2d. %s\n' "$number" "$title"
}
say() { printf '    %s\n' "$*"; }

pg=/usr/lib/postgresql/15/bin
work=
# PostgreSQL never runs as root: as root everything of the demonstration belongs to "postgres".
account=()
[ "$(id -u)" != 0 ] || account=(runuser -u postgres --)
as() { (cd / && "${account[@]}" env XDG_STATE_HOME="$work/state" LC_ALL=C.UTF-8 "$@"); }
ctl() { as "$work/bin/salvorctl" --config "$work/salvor.conf" "$@"; }
sql() { as "$pg/psql" -XAtq -v ON_ERROR_STOP=1 -h "$work/socket" -U postgres -d postgres -c "$1"; }
# A member of the one-line object that salvorctl --json prints.
member() { sed -n 's/.*"'"$1"'":"\{0,1\}\([^",}]*\).*/\1/p'; }

clean_up() {
  local status=$?
  trap - EXIT INT TERM
  if [ "$status" != 0 ]; then
    echo "quickstart.sh: failed in step $number ($title)" >&2
    if [ -s "$work/server.log" ]; then
      echo "the server's last words:" >&2
      tail -n 15 "$work/server.log" >&2
    fi
  fi
  if [ -n "$work" ] && [ -d "$work" ] && [ "$keep" = no ]; then
    if [ -x "$work/bin/salvorctl" ] && [ -f "$work/salvor.conf" ]; then
      for name in $(ctl --json --quiet instance list 2>/dev/null |
        grep -o '"name":"[^"]*"' | cut -d'"' -f4); do
        ctl --quiet instance stop "$name" || true
        ctl --quiet instance remove "$name" || true
      done
    fi
    [ ! -f "$work/data/postmaster.pid" ] || as "$pg/pg_ctl" -D "$work/data" -m immediate -s stop || true
    rm -rf "$work"
  elif [ -n "$work" ] && [ "$keep" = yes ]; then
    echo "Left as it is: $work" >&2
  fi
  exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

step "Packages"
lists=(debian-packages-build.txt debian-packages-demo.txt)
[ "$headless" = yes ] || lists+=(debian-packages-gui.txt)
"$root/packaging/install-packages.sh" "${lists[@]}"
say "all there"

step "Build in $build"
# A warning of another compiler is nothing that a first look should fail on.
options=(-DSALVOR_WERROR=OFF)
[ -f "$build/CMakeCache.txt" ] || options+=(-DSALVOR_GUI=OFF -DSALVOR_TESTS=OFF)
targets=(salvorctl)
if [ "$headless" = no ]; then
  options+=(-DSALVOR_GUI=ON)
  targets+=(salvor)
fi
log=$(mktemp)
if ! { (cd "$root" && cmake --preset release -B "$build" "${options[@]}") &&
  cmake --build "$build" -j "$(nproc)" --target "${targets[@]}"; } >"$log" 2>&1; then
  tail -n 40 "$log" >&2
  rm -f "$log"
  exit 1
fi
rm -f "$log"
say "$("$build/core/cli/salvorctl" --version)"

work=$(mktemp -d /tmp/salvor-quickstart.XXXXXX)
chmod 0755 "$work"
[ "$(id -u)" != 0 ] || chown postgres:postgres "$work"
# A copy, because "postgres" may not reach a clone below /root.
as mkdir -m 0755 "$work/bin"
install -m 0755 "$build/core/cli/salvorctl" "$work/bin/salvorctl"

step "A throw-away PostgreSQL 15 cluster in $work/data"
as mkdir -m 0700 "$work/socket"
as "$pg/initdb" -D "$work/data" -U postgres -A trust --locale=C.UTF-8 -E UTF8 -k >/dev/null
as tee -a "$work/data/postgresql.conf" >/dev/null <<CONF
listen_addresses = ''
unix_socket_directories = '$work/socket'
archive_mode = on
archive_command = '$work/bin/salvorctl --config $work/salvor.conf archive-push quick %p'
CONF
say "archive_command stores every WAL segment in the repository"

step "A repository in the folder $work/repository"
as tee "$work/salvor.conf" >/dev/null <<CONF
[repository here]
url = file://$work/repository
key-file = $work/repository.key

[cluster quick]
repository = here
connection = host=$work/socket user=postgres dbname=postgres
data-directory = $work/data
pg-bin = $pg
CONF
ctl --quiet repo init --repo here | sed 's/^/    /'

step "Start it, and put data in"
as "$pg/pg_ctl" -D "$work/data" -l "$work/server.log" -w -s start
sql "CREATE TABLE orders (id bigint PRIMARY KEY, customer int NOT NULL, cents bigint NOT NULL,
       note text NOT NULL);
     INSERT INTO orders SELECT n, n % 977, n * 37 % 100000, md5(n::text)
       FROM generate_series(1, 100000) n"
say "table 'orders' has $(sql 'SELECT count(*) FROM orders') rows"

step "Back up"
ctl backup quick >/dev/null

step "Work on"
sql "INSERT INTO orders SELECT n, n % 977, n * 41 % 100000, md5(n::text)
       FROM generate_series(100001, 120000) n"
sql "UPDATE orders SET cents = cents + 1 WHERE customer = 5; DELETE FROM orders WHERE customer = 7"
digest="SELECT count(*), md5(string_agg(o::text, ',' ORDER BY id)) FROM orders o"
before=$(sql "$digest")
say "table 'orders' has ${before%%|*} rows, digest ${before##*|}"

step "The accident"
xid=$(sql "BEGIN; DROP TABLE orders; SELECT txid_current(); COMMIT")
say "transaction $xid dropped it: $(sql "SELECT count(*) FROM pg_tables WHERE tablename = 'orders'") such tables left"
last=$(sql "SELECT pg_walfile_name(pg_switch_wal())")
for _ in $(seq 600); do
  [ "$(sql "SELECT last_archived_wal >= '$last' FROM pg_stat_archiver")" != t ] || break
  sleep 0.1
done
[ "$(sql "SELECT last_archived_wal >= '$last' FROM pg_stat_archiver")" = t ] || {
  say "segment $last did not reach the archive: $(sql "SELECT coalesce(last_failed_wal, 'none') FROM pg_stat_archiver")"
  exit 1
}
say "its WAL is in the repository"

step "Restore to just before transaction $xid, into $work/restored"
answer=$(ctl --json restore quick --to "$work/restored" --xid "$xid" --exclusive --start \
  --action pause)
instance=$(member instance <<<"$answer")
socket=$(member socketDirectory <<<"$answer")
port=$(member port <<<"$answer")
say "copy '$instance': $(member state <<<"$answer")"

step "Compare"
after=$(as env PGOPTIONS='-c lock_timeout=30s' "$pg/psql" -XAtq -v ON_ERROR_STOP=1 -h "$socket" -p "$port" -U postgres -d postgres -c "$digest")
say "before the drop: ${before%%|*} rows, digest ${before##*|}"
say "in the copy:     ${after%%|*} rows, digest ${after##*|}"
[ "$before" = "$after" ] || { say "they differ"; exit 1; }
say "every row is back"

if [ "$keep" = yes ]; then
  step "Go on"
  say "backups:       ${account[*]} $work/bin/salvorctl --config $work/salvor.conf backups"
  say "the copy:      ${account[*]} $pg/psql -h $socket -p $port -U postgres postgres"
  say "the original:  ${account[*]} $pg/psql -h $work/socket -U postgres postgres"
  say "the copies:    ${account[*]} env XDG_STATE_HOME=$work/state $work/bin/salvorctl --config $work/salvor.conf instance list"
  say "stop it:       ${account[*]} $pg/pg_ctl -D $work/data stop"
fi

if [ "$headless" = no ]; then
  step "The application, on this repository (close it to go on)"
  XDG_STATE_HOME="$work/state" SALVOR_CONFIG="$work/salvor.conf" "$build/gui/salvor" ||
    say "the application ended with status $?"
fi

step "Done"
[ "$keep" = yes ] || say "everything made for this is removed again"
