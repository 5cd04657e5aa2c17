#!/usr/bin/env bash
# Make sure that every line of requirements/debian.txt ("package probe") is there. The probe is the
# program, or the file (or a pattern of it) if it starts with a slash, that shows it, however it
# came to be installed.
set -euo pipefail
cd "$(dirname "$0")/.."

PATH=$PATH:/usr/sbin:/sbin # Debian keeps daemons where a plain user does not look
missing=()
while read -r package probe; do
    case $package in '' | '#'*) continue ;; esac
    command -v "$probe" > /dev/null || compgen -G "$probe" > /dev/null || missing+=("$package")
done < requirements/debian.txt

if ((${#missing[@]})); then
    tools/apt.sh "${missing[@]}"
fi

# What the tests run on Node.js, as locked. The stamp goes with an installation that was broken off.
cd tests/servers/node
if ! cmp -s package-lock.json node_modules/.stamp; then
    echo "installing npm packages"
    npm ci --loglevel=error
    cp package-lock.json node_modules/.stamp
fi
