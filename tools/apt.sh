#!/usr/bin/env bash
# apt.sh PACKAGE...: install Debian packages, when that is allowed; otherwise name them and fail.
# No daemon is started by its package: the tests start their own, on free ports.
set -euo pipefail

root=()
if ((EUID)); then
    root=(sudo -n)
fi
if ! command -v apt-get > /dev/null || ! "${root[@]}" true 2> /dev/null; then
    echo "missing: $*" >&2
    echo "Install what these Debian packages hold: sudo apt-get install $*" >&2
    exit 1
fi

# Debian asks this file before it starts a service (101: do not).
guard=/usr/sbin/policy-rc.d
if [[ ! -e $guard ]]; then
    trap '"${root[@]}" rm -f "$guard"' EXIT
    printf '#!/bin/sh\nexit 101\n' | "${root[@]}" install -m 755 /dev/stdin "$guard"
fi

echo "installing $*"
apt=("${root[@]}" env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
    apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=600)
"${apt[@]}" update || true # one broken third-party source need not matter: install decides
"${apt[@]}" install --yes --no-install-recommends "$@" < /dev/null
