#!/usr/bin/env bash
# confined.sh BASE COMMAND...: run a command as a container with a read-only root would: as a user
# without rights, and with nothing that can be written, not even /tmp. BASE is where Python lives.
# That takes root, and the right to mount; without them, the command just cannot fill any file.
set -euo pipefail
user=10001

if [[ -z ${CONFINED:-} ]]; then
    if unshare --mount true 2> /dev/null; then
        exec unshare --mount env CONFINED=1 "$0" "$@"
    fi
    shift
    exec prlimit --fsize=0 "$@"
fi

base=$1
shift

# Root's own Python may lie where nobody else may look. Put a door there that shows Python only.
closed=
folder=$base
while folder=$(dirname "$folder") && [[ $folder != / ]]; do
    [[ $(stat --format %A "$folder") == *[xt] ]] || closed=$folder
done
if [[ $closed ]]; then
    mount --bind "$base" /mnt
    mount -t tmpfs -o mode=755 none "$closed"
    (umask 022 && mkdir -p "$base")
    mount --bind /mnt "$base"
fi

findmnt --raw --noheadings --output TARGET | while read -r target; do
    mount -o remount,bind,ro "$target" 2> /dev/null || true # some cannot: the next lines decide
done
for folder in / /tmp /var/tmp /dev/shm "$PWD"; do
    [[ ! -w $folder ]] || { echo "$folder can still be written" >&2 && exit 1; }
done

exec env --unset=CONFINED setpriv --reuid "$user" --regid "$user" --clear-groups \
    --inh-caps=-all --no-new-privs --pdeathsig KILL "$@"
