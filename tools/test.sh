#!/usr/bin/env bash
# tools/test.sh PYTHON [ARGUMENTS OF PYTEST]
# All tests: on every processor core first, then those that measure something, with nothing beside.
set -euo pipefail
python=$1
shift

folder=$(mktemp -d)  # a short name: the paths of Unix sockets below it have 107 bytes at most
trap 'rm -rf "$folder"' EXIT

status=0
run() {
    "$python" -m pytest "$@" || {
        local ended=$?
        [ "$ended" -eq 5 ] || status=$ended  # 5: none of those that were asked for is here
    }
}

run --numprocesses auto --dist loadfile -m "not alone" --basetemp "$folder/t" "$@"
run -m alone --basetemp "$folder/a" "$@"
exit "$status"
