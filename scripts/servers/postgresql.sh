#!/usr/bin/env bash
# Start a real PostgreSQL for tests, and stop it; what is started here holds nothing that outlives it.
#
#   scripts/servers/postgresql.sh start          the last line of stdout is its URL, the lines before name pid and data
#   scripts/servers/postgresql.sh start DATA     the same server again, after it died: same data, same port
#   scripts/servers/postgresql.sh stop PID       end it, and remove its data
#
# In this order: a server at the URL in WEFT_TEST_POSTGRESQL is taken as it is; else the binaries on the path, or the
# newest under /usr/lib/postgresql; else, for root on Debian, the distribution's package is installed.
#   WEFT_TEST_FSYNC   on to flush each commit to disk (default: off, which a killed process or server survives as well:
#                     only a machine that loses its power would lose commits)
set -euo pipefail
shopt -s inherit_errexit

MARK=.weft-server
READY_TRIES=300 # of 0.1 s

say() { printf '%s\n' "postgresql.sh: $*" >&2; }

fail() {
  say "$1"
  exit 3
}

# The folder of the newest binaries that there are.
binaries() {
  local found
  if found=$(command -v initdb) && command -v postgres >/dev/null; then
    dirname "$(readlink -f "$found")"
    return 0
  fi
  found=$(find /usr/lib/postgresql -mindepth 3 -maxdepth 3 -path '*/bin/initdb' 2>/dev/null | sort -V | tail -n 1)
  [ -n "$found" ] && dirname "$found"
}

# Debian starts a server and makes a cluster on installation: neither is wanted.
install_package() {
  [ "$(id -u)" -eq 0 ] || fail "there is no PostgreSQL here, and only root can install it: apt-get install postgresql"
  command -v apt-get >/dev/null || fail "there is no PostgreSQL here, and no apt-get to install it with"
  say "installing Debian's package (once)"
  local policy=/usr/sbin/policy-rc.d common=/etc/postgresql-common
  local had_policy=yes
  if [ ! -e $policy ]; then
    had_policy=no
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod 755 $policy
  fi
  mkdir -p $common
  [ -e $common/createcluster.conf ] || echo 'create_main_cluster = false' >$common/createcluster.conf
  local code=0
  {
    apt-get update -q &&
      DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
        -o Dpkg::Options::=--force-confold postgresql
  } >&2 || code=$?
  [ $had_policy = yes ] || rm -f $policy
  [ $code -eq 0 ] || fail "the package could not be installed"
}

# PostgreSQL refuses to run as root.
user() {
  if [ "$(id -u)" -ne 0 ]; then
    id -un
  elif id postgres >/dev/null 2>&1; then
    echo postgres
  else
    echo nobody
  fi
}

as_user() {
  if [ "$(id -u)" -eq 0 ]; then
    (cd / && runuser -u "$(user)" -- "$@")
  else
    "$@"
  fi
}

free_port() {
  python3 -c 'import socket
with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    print(s.getsockname()[1])'
}

launch() {
  local bin=$1 data=$2 port home log tries=0 pid
  home=$(dirname "$data")
  port=$(cat "$home/port")
  log=$home/log
  as_user "$bin/postgres" -D "$data" -p "$port" -c listen_addresses=127.0.0.1 -c unix_socket_directories="$home" \
    -c fsync="${WEFT_TEST_FSYNC:-off}" -c max_connections=200 -c shared_buffers=32MB -c log_min_messages=fatal \
    >>"$log" 2>&1 9>&- </dev/null &
  until "$bin/pg_isready" -q -h 127.0.0.1 -p "$port"; do
    tries=$((tries + 1))
    kill -0 $! 2>/dev/null && [ $tries -lt $READY_TRIES ] || {
      tail -n 20 "$log" >&2
      fail "the server did not become ready"
    }
    sleep 0.1
  done
  pid=$(head -n 1 "$data/postmaster.pid")
  say "ready; fsync=${WEFT_TEST_FSYNC:-off}; log: $log"
  printf 'pid %s\ndata %s\n' "$pid" "$data"
  printf 'postgresql://weft@127.0.0.1:%s/postgres\n' "$port"
}

start() {
  if [ -n "${WEFT_TEST_POSTGRESQL:-}" ]; then
    say "taking the server that WEFT_TEST_POSTGRESQL names"
    printf '%s\n' "$WEFT_TEST_POSTGRESQL"
    return 0
  fi
  local bin home data=${1:-}
  bin=$(binaries) || {
    install_package
    bin=$(binaries) || fail "the package has brought no binaries"
  }
  if [ -z "$data" ]; then
    home=$(mktemp -d "${TMPDIR:-/tmp}/weft-postgresql.XXXXXX")
    data=$home/data
    free_port >"$home/port"
    [ "$(id -u)" -ne 0 ] || chown -R "$(user)" "$home"
    as_user "$bin/initdb" -D "$data" -U weft --auth=trust --encoding=UTF8 --locale=C --no-sync >"$home/log" 2>&1 || {
      cat "$home/log" >&2
      fail "initdb failed"
    }
    as_user touch "$data/$MARK"
  fi
  launch "$bin" "$data"
}

stop() {
  local pid=$1 data tries=0
  data=$(readlink -f "/proc/$pid/cwd" 2>/dev/null) || fail "no process $pid runs here"
  [ -e "$data/$MARK" ] || fail "process $pid is no server of this script"
  kill -INT "$pid" # a fast shutdown
  while kill -0 "$pid" 2>/dev/null; do
    tries=$((tries + 1))
    [ $tries -lt $READY_TRIES ] || fail "process $pid does not end"
    sleep 0.1
  done
  rm -rf "$(dirname "$data")"
}

case ${1:-} in
start) start "${2:-}" ;;
stop) stop "${2:?which process? stop PID}" ;;
*)
  sed -n 's/^# \{0,1\}//p' "$0" | sed -n '2,12p' >&2
  exit 2
  ;;
esac
