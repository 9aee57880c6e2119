#!/usr/bin/env bash
# Start Temporal's development server on this machine, or stop it; the last line of stdout is its address.
#
#   scripts/servers/temporal.sh start [--port N] [--ui-port N] [--state FOLDER] [--as-it-comes] [--built-only]
#   scripts/servers/temporal.sh stop [--state FOLDER]
#   scripts/servers/temporal.sh binary        print the path of the Temporal CLI, bringing it if need be
#
# The CLI is taken from the path, else from a cache outside the repository, else built in a pinned version by Go (five
# minutes on two cores, once), else fetched by the Python SDK. What runs already is left running and told again.
#   WEFT_CACHE      where the cache lies (default: ${XDG_CACHE_HOME:-~/.cache}/weft)
#   WEFT_PYTHON     the interpreter whose SDK fetches the CLI (default: .venv/bin/python)
#   --as-it-comes   leave out what makes the server durable and quick: WAL, a sync at each commit, and more than 20
#                   polls a second of its one shard, which cost every hop 50 ms
#   --built-only    do not build or fetch the CLI: say what is missing
set -euo pipefail
shopt -s inherit_errexit

VERSION=1.5.1
CACHE=${WEFT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/weft}/temporal
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
HEALTHY_S=60
STOPPED_S=20

say() { printf '%s\n' "$*" >&2; }

fail() {
  say "temporal.sh: $1"
  exit 3
}

works() { [ -x "$1" ] && "$1" --version >/dev/null 2>&1; }

build() {
  say "building the Temporal CLI $VERSION into $CACHE (once; about five minutes on two cores)"
  mkdir -p "$CACHE"
  local work
  work=$(mktemp -d "$CACHE/.work-XXXXXX")
  # shellcheck disable=SC2064 # the folder of now, not of later
  trap "rm -rf '$work'" EXIT
  CGO_ENABLED=0 GOFLAGS="${GOFLAGS:-} -trimpath" GOBIN=$work nice go install -p 2 \
    -ldflags "-s -w -X github.com/temporalio/cli/temporalcli.Version=$VERSION" \
    "github.com/temporalio/cli/cmd/temporal@v$VERSION" >&2 ||
    fail "the Temporal CLI could not be built: see above"
  # whole or not at all: a second call of this script may be doing the same
  mkdir -p "$CACHE/$VERSION"
  mv "$work/temporal" "$CACHE/$VERSION/temporal"
}

binary() {
  local found
  if found=$(command -v temporal) && works "$found"; then
    printf '%s\n' "$found"
    return
  fi
  for found in "$CACHE/$VERSION/temporal" "$CACHE"/fetched/*; do
    if works "$found"; then
      printf '%s\n' "$found"
      return
    fi
  done
  [ "$BUILD" = yes ] || fail "there is no Temporal CLI on the path or in $CACHE: \`make temporal\` brings it"
  if command -v go >/dev/null; then
    build
    printf '%s\n' "$CACHE/$VERSION/temporal"
    return
  fi
  "${WEFT_PYTHON:-.venv/bin/python}" "$HERE/fetch_temporal.py" "$CACHE/fetched" ||
    fail "there is no Temporal CLI on the path, no Go to build it, and the Python SDK could not fetch it: install one of them"
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

running() {
  local pid
  pid=$(cat "$STATE/pid" 2>/dev/null) || return 1
  # the number may be another process by now
  [ -n "$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF -- "$STATE/temporal.db" ||
    { [ -n "$pid" ] && ! [ -d /proc ] && kill -0 "$pid" 2>/dev/null; }
}

healthy() {
  "$1" operator cluster health --address "$2" >/dev/null 2>&1 &&
    "$1" operator namespace describe --address "$2" default >/dev/null 2>&1
}

start() {
  mkdir -p "$STATE"
  if running; then
    cat "$STATE/address"
    return
  fi
  local cli address options=() until=$((SECONDS + HEALTHY_S))
  cli=$(binary)
  address=127.0.0.1:${PORT:-$(free_port)}
  if [ "$PLAIN" = no ]; then
    options+=(--sqlite-pragma journal_mode=WAL --sqlite-pragma synchronous=2)
    options+=(--dynamic-config-value history.transferProcessorMaxPollRPS=2000)
  fi
  if [ -n "$UI_PORT" ]; then options+=(--ui-port "$UI_PORT"); else options+=(--headless); fi
  until=$((SECONDS + HEALTHY_S))
  nohup "$cli" server start-dev --ip 127.0.0.1 --port "${address##*:}" --db-filename "$STATE/temporal.db" \
    --log-level error --search-attribute WeftStatus=Keyword --search-attribute WeftTenant=Keyword \
    "${options[@]}" </dev/null >"$STATE/log" 2>&1 &
  printf '%s\n' $! >"$STATE/pid"
  until healthy "$cli" "$address"; do
    running || fail "the server ended: $(tail -n 3 "$STATE/log" | tr '\n' ' ')"
    [ "$SECONDS" -lt "$until" ] || fail "the server was not healthy after $HEALTHY_S s: see $STATE/log"
    sleep 0.1
  done
  printf '%s\n' "$address" | tee "$STATE/address"
}

stop() {
  if ! running; then
    say "no server runs from $STATE"
    return
  fi
  local pid until=$((SECONDS + STOPPED_S))
  pid=$(cat "$STATE/pid")
  kill "$pid"
  while running; do
    [ "$SECONDS" -lt "$until" ] || { kill -9 "$pid" && say "it did not stop in $STOPPED_S s and was killed" && break; }
    sleep 0.1
  done
  rm -f "$STATE/pid" "$STATE/address"
}

COMMAND=${1:-}
[ $# -gt 0 ] && shift
STATE=.temporal PORT='' UI_PORT='' PLAIN=no BUILD=yes
while [ $# -gt 0 ]; do
  case $1 in
    --state | --port | --ui-port)
      [ $# -gt 1 ] || fail "$1 needs a value"
      case $1 in --state) STATE=$2 ;; --port) PORT=$2 ;; *) UI_PORT=$2 ;; esac
      shift 2
      ;;
    --as-it-comes)
      PLAIN=yes
      shift
      ;;
    --built-only)
      BUILD=no
      shift
      ;;
    *) fail "there is no option $1" ;;
  esac
done
case $COMMAND in
  start | stop)
    mkdir -p "$STATE"
    STATE=$(cd "$STATE" && pwd)
    "$COMMAND"
    ;;
  binary) binary ;;
  *) fail "say start, stop or binary" ;;
esac
