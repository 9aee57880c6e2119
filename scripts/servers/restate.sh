#!/usr/bin/env bash
# Prints the path of a Restate server, for the benchmarks only: the one on the path, else the one in a cache outside the
# repository, else the one that its package brings, unpacked into that cache. Says on stderr what is missing, and ends
# with 3, where there is none to be had.
set -euo pipefail

VERSION=1.7.12
cache="${XDG_CACHE_HOME:-$HOME/.cache}/weft/restate/$VERSION"

if found=$(command -v restate-server); then
    echo "$found"
    exit 0
fi
case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) package=restate-server-linux-x64 ;;
    Linux-aarch64) package=restate-server-linux-arm64 ;;
    Darwin-arm64) package=restate-server-darwin-arm64 ;;
    Darwin-x86_64) package=restate-server-darwin-x64 ;;
    *) echo "no Restate server for this machine" >&2; exit 3 ;;
esac
if [ ! -x "$cache/package/bin/restate-server" ]; then
    command -v npm >/dev/null || { echo "no restate-server on the path, and no npm to get one with" >&2; exit 3; }
    mkdir -p "$cache"
    (cd "$cache" && npm pack --silent "@restatedev/$package@$VERSION" >/dev/null && tar -xzf ./*.tgz && rm -f ./*.tgz) ||
        { echo "the package of the Restate server could not be had" >&2; exit 3; }
fi
echo "$cache/package/bin/restate-server"
