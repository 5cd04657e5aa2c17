#!/bin/sh
# postfix.sh FOLDER USER PASSWORD: run Postfix on FOLDER/conf, as root, until standard input ends;
# then remove FOLDER. USER and PASSWORD are for AUTH; mails are kept in FOLDER/box for whoever owns it.
set -eu
folder=$1 user=$2 password=$3
PATH=/usr/sbin:/sbin:$PATH

# The daemon for SMTP runs in a root of its own, the queue's folder, and looks for its users there.
mkdir -p "$folder/spool/etc" "$folder/data"
printf %s "$password" | saslpasswd2 -p -c -f "$folder/spool/etc/sasldb2" -u localhost "$user"
chown -R postfix "$folder/data" "$folder/spool/etc/sasldb2"
chown -R root "$folder/conf"
: > "$folder/maillog"
chmod 644 "$folder/maillog"

postfix -c "$folder/conf" start-fg &
trap 'kill "$(cat "$folder/spool/pid/master.pid")" || true; wait; rm -rf "$folder"' EXIT
cat > /dev/null # until whoever started this closes it, or dies
