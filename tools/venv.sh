#!/usr/bin/env bash
# venv.sh PYTHON FOLDER: make a virtual environment with pip in it.
set -euo pipefail
python=$1
folder=$2

if ! command -v "$python" > /dev/null; then
    echo "$python: not found. Name a Python of 3.11 or newer: make PYTHON=python3.12 ..." >&2
    exit 1
fi
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "Python 3.11 or newer is needed and $python is $version." \
        "Name another: make PYTHON=python3.12 ..." >&2
    exit 1
fi

# Debian ships the standard library's ensurepip in a package of its own.
if ! "$python" -c 'import ensurepip, venv' 2> /dev/null; then
    "$(dirname "$0")/apt.sh" "python$version-venv"
fi

echo "making $folder with Python $version"
"$python" -m venv "$folder"
