#!/bin/sh
# Installs Azurite, Microsoft's emulator of blob storage, for the tests that need a real server.
# It goes to AMLSHARE_AZURITE, by default a folder in the user's cache; where it is, nothing is done.
set -eu

version=3.37.0
home=${AMLSHARE_AZURITE:-$HOME/.cache/amlshare/azurite}

if [ -x "$home/node_modules/.bin/azurite-blob" ]; then
    exit 0
fi
if ! command -v npm >/dev/null; then
    echo "npm is missing: the tests that need Azurite will be skipped" >&2
    exit 0
fi
mkdir -p "$home"
npm install --prefix "$home" --no-audit --no-fund --no-save --loglevel=error "azurite@$version" >&2
